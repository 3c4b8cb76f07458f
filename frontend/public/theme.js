// Before the first paint, so that a chosen theme does not flash the system's. src/shared/lib/theme.ts writes it.
try {
  const theme = localStorage.getItem('frontrow.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden here: the system's theme it is.
}

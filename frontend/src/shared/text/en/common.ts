export const common = {
  name: 'Frontrow',
  tagline: 'Good seats, held while you choose.',
  skipToContent: 'Skip to content',
  loading: 'Loading …',
  close: 'Close',
  cancel: 'Cancel',
  tryAgain: 'Try again',
  loadAgain: 'Reload page',
  toFilms: 'See what’s on',
  offline: 'You are offline. What you see may be out of date.',
  nav: {
    label: 'Main',
    films: 'Films',
    bookings: 'My tickets',
    account: 'Account',
    signIn: 'Sign in',
    footer: 'About',
  },
  theme: { toDark: 'Switch to dark', toLight: 'Switch to light' },
  footer: 'Frontrow is open source. No tracking, no ads.',
  crash: {
    title: 'Something went wrong',
    sentence: 'This is our fault. Nothing was charged or changed. Reloading the page usually helps.',
  },
  notFound: {
    title: 'Page not found',
    sentence: 'The address may be mistyped, or the page has moved.',
  },
  unreachable: {
    title: 'We can’t check your sign-in',
    sentence: 'Frontrow is not responding. We’ll keep trying.',
  },
  day: { today: 'Today', tomorrow: 'Tomorrow' },
  duration: (hours: number, minutes: number) =>
    [hours > 0 ? `${hours} h` : '', minutes > 0 || hours === 0 ? `${minutes} min` : '']
      .filter(Boolean)
      .join(' '),
};

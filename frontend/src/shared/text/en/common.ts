export const common = {
  name: 'Frontrow',
  tagline: 'Good seats, held while you choose.',
  skipToContent: 'Skip to the content',
  loading: 'Loading …',
  close: 'Close',
  cancel: 'Cancel',
  tryAgain: 'Try again',
  loadAgain: 'Load the page again',
  toFilms: 'See what is on',
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
  footer: 'Frontrow is open source. No tracking, no adverts.',
  crash: {
    title: 'This page broke',
    sentence: 'That is our fault. Nothing was charged or changed. Loading the page again usually helps.',
  },
  notFound: {
    title: 'Nothing is shown here',
    sentence: 'The address may be mistyped, or the page has moved.',
  },
  unreachable: {
    title: 'We cannot see who you are',
    sentence: 'Frontrow does not answer right now. We keep trying.',
  },
  day: { today: 'Today', tomorrow: 'Tomorrow' },
  duration: (hours: number, minutes: number) =>
    [hours > 0 ? `${hours} h` : '', minutes > 0 || hours === 0 ? `${minutes} min` : '']
      .filter(Boolean)
      .join(' '),
};

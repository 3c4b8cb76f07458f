export const account = {
  signIn: {
    title: 'Sign in',
    lead: 'To hold seats and to see your tickets.',
    submit: 'Sign in',
    other: 'New here?',
    toOther: 'Create an account',
  },
  register: {
    title: 'Create an account',
    lead: 'Tickets go to your e-mail address. We write about nothing but tickets.',
    submit: 'Create the account',
    other: 'Do you have an account?',
    toOther: 'Sign in',
  },
  account: {
    title: 'Your account',
    signOut: 'Sign out',
    signOutEverywhere: 'Sign out on all devices',
    everywhereHint: 'If you lost a device, or signed in on somebody else’s.',
  },
  fields: {
    email: 'E-mail address',
    password: 'Password',
    passwordRule: '10 to 200 characters. A few words in a row are easy to keep in mind.',
    fullName: 'Your name',
    fullNameHint: 'As it shall stand on the tickets.',
  },
  missing: {
    email: 'Please give your e-mail address.',
    password: 'Please give your password.',
  },
  ended: 'Your session has ended. Please sign in again.',
  signedIn: (name: string) => `Signed in as ${name}.`,
  signedOut: 'Signed out.',
};

export const account = {
  signIn: {
    title: 'Sign in',
    lead: 'Sign in to hold seats and see your tickets.',
    submit: 'Sign in',
    other: 'New here?',
    toOther: 'Create an account',
  },
  register: {
    title: 'Create an account',
    lead: 'We send tickets to your email address. No newsletters.',
    submit: 'Create account',
    other: 'Already have an account?',
    toOther: 'Sign in',
  },
  account: {
    title: 'Your account',
    signOut: 'Sign out',
    signOutEverywhere: 'Sign out on all devices',
    everywhereHint: 'Use this if you lost a device or signed in on someone else’s.',
  },
  rename: {
    open: 'Change name',
    save: 'Save name',
    cancel: 'Cancel',
    done: 'Name changed.',
  },
  fields: {
    email: 'Email address',
    password: 'Password',
    passwordRule: '10 to 200 characters. A few random words are easy to remember.',
    fullName: 'Your name',
    fullNameHint: 'As it should appear on your tickets.',
  },
  missing: {
    email: 'Enter your email address.',
    password: 'Enter your password.',
  },
  ended: 'Your session has ended. Please sign in again.',
  signedIn: (name: string) => `Signed in as ${name}.`,
  signedOut: 'Signed out.',
};

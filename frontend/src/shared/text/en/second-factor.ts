import { some } from './plural';

export const secondFactor = {
  title: 'Two-step verification',
  loading: 'Loading two-step verification …',
  off: 'Off. With it, signing in asks for a code from your phone as well as the password.',
  demanded: 'Your cinema asks its staff to use it. Until then you have no staff permissions.',
  on: (day: string) => `On since ${day}.`,
  left: (codes: number) =>
    codes === 0
      ? 'You have used all recovery codes. Turn it off and on again to get new ones.'
      : `${some(codes, 'recovery code', 'recovery codes')} left.`,
  setUp: {
    open: 'Set up',
    next: 'Next',
    scan: 'Scan this code with an authenticator app, or type the key into it.',
    qr: 'QR code for your authenticator app',
    secret: 'Key',
    code: 'Code shown by the app',
    confirm: 'Turn on',
    signsOut: 'Your other devices will be signed out.',
  },
  codes: {
    title: 'Save your recovery codes',
    lead: 'Each signs you in once if you lose your phone. They are not shown again.',
    list: 'Recovery codes',
    copy: 'Copy',
    copied: 'Recovery codes copied.',
    notCopied: 'They could not be copied. Download them or write them down.',
    download: 'Download',
    done: 'I have saved them',
    turnedOn: 'Two-step verification is on.',
  },
  turnOff: {
    open: 'Turn off',
    submit: 'Turn off two-step verification',
    done: 'Two-step verification is off.',
  },
  field: {
    code: 'Code from your authenticator app',
    recoveryCode: 'Recovery code',
    useRecoveryCode: 'Use a recovery code instead',
    useCode: 'Use your authenticator app instead',
    missing: 'Enter the code.',
  },
};

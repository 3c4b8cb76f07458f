import { useState } from 'react';

import { useFormState } from '../lib/form-state';
import { SignInCodeForm } from './sign-in-code-form';
import { SignInForm } from './sign-in-form';

/** The password, and a code where the account asks for one. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const given = useFormState();
  const [email, setEmail] = useState(given.email);
  const [challenge, setChallenge] = useState<string>();
  const [reason, setReason] = useState<Error>();
  if (challenge !== undefined) {
    return (
      <SignInCodeForm
        challenge={challenge}
        onSignedIn={onSignedIn}
        onBack={(error) => {
          setReason(error);
          setChallenge(undefined);
        }}
      />
    );
  }
  return (
    <SignInForm
      email={email}
      error={reason}
      onSignedIn={onSignedIn}
      onChallenge={(asked, typed) => {
        setEmail(typed);
        setChallenge(asked);
      }}
    />
  );
}

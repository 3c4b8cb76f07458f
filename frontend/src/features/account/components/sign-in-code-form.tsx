import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { text } from '@/shared/text';

import { useSecondFactorSignIn } from '../api/second-factor-sign-in';
import { proofOf, proofSchema, type ProofKind } from '../lib/proof';
import { AuthForm } from './auth-form';
import { ProofField } from './proof-field';

interface SignInCodeFormProps {
  challenge: string;
  onSignedIn: () => void;
  /** Back to the password: given why, if it was not chosen. */
  onBack: (reason?: Error) => void;
}

/** The second step of a sign-in, where the account asks for it. */
export function SignInCodeForm({ challenge, onSignedIn, onBack }: SignInCodeFormProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(proofSchema),
    defaultValues: { proof: '' },
  });
  const [kind, setKind] = useState<ProofKind>('code');
  const signIn = useSecondFactorSignIn();
  const words = text.account.signIn;

  const submit = handleSubmit(({ proof }) =>
    signIn.mutate(
      { challenge, ...proofOf(kind, proof) },
      {
        onSuccess: onSignedIn,
        onError: (error) => {
          if (isApiError(error, 'sign_in_expired')) onBack(error);
          if (isApiError(error, 'invalid_code'))
            setError('proof', { message: sentenceFor(error) }, { shouldFocus: true });
        },
      },
    ),
  );

  return (
    <AuthForm
      error={isApiError(signIn.error, 'invalid_code') ? null : signIn.error}
      busy={signIn.isPending}
      submit={words.submit}
      onSubmit={submit}
      onCancel={() => onBack()}
    >
      <ProofField
        {...register('proof')}
        autoFocus
        kind={kind}
        onKindChange={setKind}
        error={formState.errors.proof?.message}
      />
    </AuthForm>
  );
}

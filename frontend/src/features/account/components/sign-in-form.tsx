import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';

import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { signInSchema, useSignIn } from '../api/sign-in';
import { AuthForm } from './auth-form';
import { ForgotLink } from './forgot-link';
import { PasswordField } from './password-field';

interface SignInFormProps {
  /** What was typed before. */
  email: string;
  /** Why one has to sign in once more. */
  error: Error | undefined;
  onSignedIn: () => void;
  /** The password is right, and a code is asked for as well. */
  onChallenge: (challenge: string, email: string) => void;
}

export function SignInForm({ email, error, onSignedIn, onChallenge }: SignInFormProps) {
  const { register, handleSubmit, control, formState } = useForm({
    resolver: zodResolver(signInSchema),
    defaultValues: { email, password: '' },
  });
  const typed = useWatch({ control, name: 'email' });
  const signIn = useSignIn();
  const { fields, signIn: words } = text.account;
  const submit = handleSubmit((credentials) =>
    signIn.mutate(credentials, {
      onSuccess: (challenge) => {
        if (challenge === undefined) onSignedIn();
        else onChallenge(challenge, credentials.email);
      },
    }),
  );
  return (
    <AuthForm
      error={signIn.error ?? (signIn.isIdle && error ? error : null)}
      busy={signIn.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <Field
        {...register('email')}
        label={fields.email}
        type="email"
        autoComplete="username"
        error={formState.errors.email?.message}
      />
      <div>
        <PasswordField
          {...register('password')}
          label={fields.password}
          autoComplete="current-password"
          error={formState.errors.password?.message}
        />
        <ForgotLink email={typed} />
      </div>
    </AuthForm>
  );
}

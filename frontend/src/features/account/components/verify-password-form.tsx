import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError } from '@/api/errors';
import { text } from '@/shared/text';

import { ownPasswordSchema, type useVerify } from '../api/verify';
import { AuthForm } from './auth-form';
import { ForgotLink } from './forgot-link';
import { PasswordField } from './password-field';

interface VerifyPasswordFormProps {
  token: string;
  verifying: ReturnType<typeof useVerify>;
}

/**
 * Asks whose account it is that a link proves an address for. Anybody can have one sent by registering with the address
 * of somebody else, who must not make it that account's by a button.
 */
export function VerifyPasswordForm({ token, verifying }: VerifyPasswordFormProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(ownPasswordSchema),
    defaultValues: { password: '' },
  });
  const { fields, password: passwordWords, verify: words } = text.account;
  // The first refusal is why the password is asked for.
  const said =
    verifying.variables?.password === undefined || isApiError(verifying.error, 'invalid_credentials');

  const submit = handleSubmit(({ password }) =>
    verifying.mutate(
      { token, password },
      {
        onError: (error) => {
          if (isApiError(error, 'invalid_credentials'))
            setError('password', { message: passwordWords.wrong }, { shouldFocus: true });
        },
      },
    ),
  );

  return (
    <AuthForm
      error={said ? null : verifying.error}
      busy={verifying.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <p>{words.password}</p>
      <div>
        <PasswordField
          {...register('password')}
          autoFocus
          label={fields.password}
          autoComplete="current-password"
          error={formState.errors.password?.message}
        />
        <ForgotLink email="" />
      </div>
    </AuthForm>
  );
}

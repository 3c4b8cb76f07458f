import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { z } from 'zod';

import { isApiError } from '@/api/errors';
import { text } from '@/shared/text';

import { useBeginSecondFactor, type SecondFactorSecret } from '../api/second-factor';
import { AuthForm } from './auth-form';
import { PasswordField } from './password-field';

const schema = z.object({ password: z.string().min(1, text.account.missing.password) });

interface SecondFactorPasswordProps {
  onClose: () => void;
  onSecret: (secret: SecondFactorSecret) => void;
}

/** Who finds the page open must not lock its owner out with an app of their own. */
export function SecondFactorPassword({ onClose, onSecret }: SecondFactorPasswordProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(schema),
    defaultValues: { password: '' },
  });
  const begin = useBeginSecondFactor();
  const { password: words } = text.account;
  const refused = isApiError(begin.error, 'invalid_credentials');

  const submit = handleSubmit(({ password }) =>
    begin.mutate(password, {
      onSuccess: onSecret,
      onError: (error) => {
        if (isApiError(error, 'invalid_credentials'))
          setError('password', { message: words.wrong }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refused ? null : begin.error}
      busy={begin.isPending}
      submit={text.secondFactor.setUp.next}
      onSubmit={submit}
      onCancel={onClose}
    >
      <PasswordField
        {...register('password')}
        autoFocus
        label={words.current}
        autoComplete="current-password"
        error={formState.errors.password?.message}
      />
    </AuthForm>
  );
}

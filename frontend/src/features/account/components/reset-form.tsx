import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { ButtonLink } from '@/shared/components/button';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { resetSchema, useReset } from '../api/reset';
import { AuthForm } from './auth-form';
import { NewPasswordField } from './new-password-field';
import { Outcome } from './outcome';

interface ResetFormProps {
  /** The token of the link that was opened. */
  token: string;
  onReset: (email: string) => void;
}

/** Chooses a new password in place of one that was forgotten. */
export function ResetForm({ token, onReset }: ResetFormProps) {
  const { register, handleSubmit, setError, control, formState } = useForm({
    resolver: zodResolver(resetSchema),
    defaultValues: { password: '' },
  });
  const typed = useWatch({ control, name: 'password' });
  const reset = useReset(onReset);
  const { link, password, reset: words } = text.account;

  if (isApiError(reset.error, 'link_expired')) {
    return (
      <Outcome
        tone="warn"
        title={link.expired}
        action={<ButtonLink to={paths.forgot()}>{words.toForgot}</ButtonLink>}
      >
        {words.expired}
      </Outcome>
    );
  }
  const refused = isApiError(reset.error, 'weak_password');
  const submit = handleSubmit((chosen) =>
    reset.mutate(
      { token, ...chosen },
      {
        onError: (error) => {
          if (isApiError(error, 'weak_password'))
            setError('password', { message: sentenceFor(error) }, { shouldFocus: true });
        },
      },
    ),
  );
  return (
    <AuthForm
      error={refused ? null : reset.error}
      busy={reset.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <NewPasswordField
        {...register('password')}
        label={password.new}
        typed={typed}
        known={[]}
        error={formState.errors.password?.message}
      />
    </AuthForm>
  );
}

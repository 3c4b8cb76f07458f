import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { changePasswordSchema, useChangePassword } from '../api/change-password';
import { refusedField } from '../lib/refused-field';
import { AuthForm } from './auth-form';
import { ForgotLink } from './forgot-link';
import { NewPasswordField } from './new-password-field';
import { PasswordField } from './password-field';

const FIELD_OF = { invalid_credentials: 'current_password', weak_password: 'new_password' } as const;

interface ChangePasswordFormProps {
  email: string;
  name: string;
  onClose: () => void;
}

export function ChangePasswordForm({ email, name, onClose }: ChangePasswordFormProps) {
  const { register, handleSubmit, setError, control, formState } = useForm({
    resolver: zodResolver(changePasswordSchema),
    defaultValues: { current_password: '', new_password: '' },
  });
  const typed = useWatch({ control, name: 'new_password' });
  const changing = useChangePassword();
  const words = text.account.password;

  const submit = handleSubmit((change) =>
    changing.mutate(change, {
      onSuccess: () => {
        announce(words.done);
        onClose();
      },
      onError: (error) => {
        const field = refusedField(error, FIELD_OF);
        const message = isApiError(error, 'invalid_credentials') ? words.wrong : sentenceFor(error);
        if (field) setError(field, { message }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refusedField(changing.error, FIELD_OF) ? null : changing.error}
      busy={changing.isPending}
      submit={words.submit}
      onSubmit={submit}
      onCancel={onClose}
    >
      {/* For password managers, which keep the new password under it. */}
      <input hidden readOnly autoComplete="username" value={email} />
      <div>
        <PasswordField
          {...register('current_password')}
          autoFocus
          label={words.current}
          autoComplete="current-password"
          error={formState.errors.current_password?.message}
        />
        <ForgotLink email={email} />
      </div>
      <NewPasswordField
        {...register('new_password')}
        label={words.new}
        typed={typed}
        known={[name, email]}
        error={formState.errors.new_password?.message}
      />
    </AuthForm>
  );
}

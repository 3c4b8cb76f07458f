import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError } from '@/api/errors';
import { text } from '@/shared/text';

import { deleteAccountSchema, useDeleteAccount } from '../api/delete-account';
import type { Departure } from '../lib/departure';
import { AuthForm } from './auth-form';
import { PasswordField } from './password-field';

interface DeleteAccountFormProps {
  onClose: () => void;
  onLeft: (departure: Departure) => void;
}

export function DeleteAccountForm({ onClose, onLeft }: DeleteAccountFormProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(deleteAccountSchema),
    defaultValues: { password: '' },
  });
  const leaving = useDeleteAccount(onLeft);
  const { password: words } = text.account;
  const refused = isApiError(leaving.error, 'invalid_credentials');

  const submit = handleSubmit((proof) =>
    leaving.mutate(proof, {
      onError: (error) => {
        if (isApiError(error, 'invalid_credentials'))
          setError('password', { message: words.wrong }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refused ? null : leaving.error}
      busy={leaving.isPending}
      submit={text.leaving.submit}
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

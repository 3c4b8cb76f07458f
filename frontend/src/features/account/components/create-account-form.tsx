import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';
import { z } from 'zod';

import { isApiError, sentenceFor } from '@/api/errors';
import { text } from '@/shared/text';

import type { useRegister } from '../api/register';
import type { Contact } from '../lib/contact';
import { newPasswordSchema } from '../lib/password';
import { AuthForm } from './auth-form';
import { NewPasswordField } from './new-password-field';

const schema = z.object({ password: newPasswordSchema });

interface CreateAccountFormProps {
  contact: Contact;
  registering: ReturnType<typeof useRegister>;
}

export function CreateAccountForm({ contact, registering }: CreateAccountFormProps) {
  const { register, handleSubmit, setError, control, formState } = useForm({
    resolver: zodResolver(schema),
    defaultValues: { password: '' },
  });
  const typed = useWatch({ control, name: 'password' });
  const { fields, register: words } = text.account;

  const submit = handleSubmit(({ password }) =>
    registering.mutate(
      { ...contact, password },
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
      error={isApiError(registering.error, 'weak_password') ? null : registering.error}
      busy={registering.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      {/* Password managers keep a password with the address that stands before it. */}
      <input hidden readOnly type="email" autoComplete="username" value={contact.email} />
      <NewPasswordField
        {...register('password')}
        label={fields.password}
        typed={typed}
        known={[contact.full_name, contact.email]}
        error={formState.errors.password?.message}
      />
    </AuthForm>
  );
}

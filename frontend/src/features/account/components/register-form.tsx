import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';

import { sentenceFor } from '@/api/errors';
import { useGuest } from '@/api/session';
import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { registerSchema, type useRegister } from '../api/register';
import { useFormState } from '../lib/form-state';
import { refusedField } from '../lib/refused-field';
import { AuthForm } from './auth-form';
import { NewPasswordField } from './new-password-field';

const FIELD_OF = {
  invalid_email: 'email',
  invalid_name: 'full_name',
  weak_password: 'password',
} as const;

export function RegisterForm({ registering }: { registering: ReturnType<typeof useRegister> }) {
  const { email } = useFormState();
  const guest = useGuest();
  const { register, handleSubmit, setError, control, formState } = useForm({
    resolver: zodResolver(registerSchema),
    defaultValues: { full_name: guest?.full_name ?? '', email: email || (guest?.email ?? ''), password: '' },
  });
  const typed = useWatch({ control });
  const { fields, register: words } = text.account;
  const { errors } = formState;

  const submit = handleSubmit((registration) =>
    registering.mutate(registration, {
      onError: (error) => {
        const field = refusedField(error, FIELD_OF);
        if (field) setError(field, { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refusedField(registering.error, FIELD_OF) ? null : registering.error}
      busy={registering.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <Field
        {...register('full_name')}
        label={fields.fullName}
        hint={fields.fullNameHint}
        autoComplete="name"
        error={errors.full_name?.message}
      />
      <Field
        {...register('email')}
        label={fields.email}
        type="email"
        autoComplete="username"
        error={errors.email?.message}
      />
      <NewPasswordField
        {...register('password')}
        label={fields.password}
        typed={typed.password ?? ''}
        known={[typed.full_name ?? '', typed.email ?? '']}
        error={errors.password?.message}
      />
    </AuthForm>
  );
}

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor, type Problem } from '@/api/errors';
import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { registerSchema, useRegister, type Registration } from '../api/register';
import { AuthForm } from './auth-form';

const FIELD_OF: Partial<Record<Problem, keyof Registration>> = {
  email_taken: 'email',
  invalid_email: 'email',
  invalid_name: 'full_name',
  weak_password: 'password',
};

export function RegisterForm() {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(registerSchema),
    defaultValues: { full_name: '', email: '', password: '' },
  });
  const registering = useRegister();
  const { fields, register: words } = text.account;

  const submit = handleSubmit((registration) =>
    registering.mutate(registration, {
      onError: (error) => {
        const field = fieldOf(error);
        if (field) setError(field, { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={fieldOf(registering.error) ? null : registering.error}
      busy={registering.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <Field
        {...register('full_name')}
        label={fields.fullName}
        hint={fields.fullNameHint}
        autoComplete="name"
        error={formState.errors.full_name?.message}
      />
      <Field
        {...register('email')}
        label={fields.email}
        type="email"
        autoComplete="username"
        error={formState.errors.email?.message}
      />
      <Field
        {...register('password')}
        label={fields.password}
        hint={fields.passwordRule}
        type="password"
        autoComplete="new-password"
        error={formState.errors.password?.message}
      />
    </AuthForm>
  );
}

function fieldOf(error: unknown): keyof Registration | undefined {
  return isApiError(error) ? FIELD_OF[error.code] : undefined;
}

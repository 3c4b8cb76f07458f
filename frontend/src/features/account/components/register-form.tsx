import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor, type Problem } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { registerSchema, useRegister, type Registration } from '../api/register';

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
    <form noValidate onSubmit={submit} className="flex flex-col gap-5">
      {registering.isError && !fieldOf(registering.error) && (
        <Notice tone="bad">{sentenceFor(registering.error)}</Notice>
      )}
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
      <Button type="submit" busy={registering.isPending}>
        {words.submit}
      </Button>
    </form>
  );
}

function fieldOf(error: unknown): keyof Registration | undefined {
  return isApiError(error) ? FIELD_OF[error.code] : undefined;
}

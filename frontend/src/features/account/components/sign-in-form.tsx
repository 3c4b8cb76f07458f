import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { signInSchema, useSignIn } from '../api/sign-in';
import { AuthForm } from './auth-form';

export function SignInForm() {
  const { register, handleSubmit, formState } = useForm({
    resolver: zodResolver(signInSchema),
    defaultValues: { email: '', password: '' },
  });
  const signIn = useSignIn();
  const { fields, signIn: words } = text.account;
  return (
    <AuthForm
      error={signIn.error}
      busy={signIn.isPending}
      submit={words.submit}
      onSubmit={handleSubmit((credentials) => signIn.mutate(credentials))}
    >
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
        type="password"
        autoComplete="current-password"
        error={formState.errors.password?.message}
      />
    </AuthForm>
  );
}

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { signInSchema, useSignIn } from '../api/sign-in';

export function SignInForm() {
  const { register, handleSubmit, formState } = useForm({
    resolver: zodResolver(signInSchema),
    defaultValues: { email: '', password: '' },
  });
  const signIn = useSignIn();
  const { fields, signIn: words } = text.account;
  return (
    <form
      noValidate
      onSubmit={handleSubmit((credentials) => signIn.mutate(credentials))}
      className="flex flex-col gap-5"
    >
      {signIn.isError && <Notice tone="bad">{sentenceFor(signIn.error)}</Notice>}
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
      <Button type="submit" busy={signIn.isPending}>
        {words.submit}
      </Button>
    </form>
  );
}

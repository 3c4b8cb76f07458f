import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { forgotSchema, useForgot } from '../api/forgot';
import { useFormState } from '../lib/form-state';
import { AuthForm } from './auth-form';
import { Outcome } from './outcome';

/** Asks for a link to choose a new password. What it says never tells whether an address has an account. */
export function ForgotForm() {
  const { email } = useFormState();
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(forgotSchema),
    defaultValues: { email },
  });
  const forgot = useForgot();
  const [again, setAgain] = useState(false);
  const { fields, forgot: words } = text.account;

  if (forgot.isSuccess) {
    return (
      <Outcome
        tone="good"
        title={words.sent(forgot.variables)}
        action={
          <Button
            look="secondary"
            onClick={() => {
              setAgain(true);
              forgot.reset();
            }}
          >
            {words.again}
          </Button>
        }
      >
        {words.spam}
      </Outcome>
    );
  }
  const refused = isApiError(forgot.error, 'invalid_email');
  const submit = handleSubmit((typed) =>
    forgot.mutate(typed.email, {
      onError: (error) => {
        if (isApiError(error, 'invalid_email'))
          setError('email', { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );
  return (
    <AuthForm
      error={refused ? null : forgot.error}
      busy={forgot.isPending}
      submit={words.submit}
      onSubmit={submit}
    >
      <Field
        {...register('email')}
        autoFocus={again}
        label={fields.email}
        type="email"
        autoComplete="username"
        error={formState.errors.email?.message}
      />
    </AuthForm>
  );
}

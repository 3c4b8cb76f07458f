import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { changeEmailSchema, useChangeEmail } from '../api/change-email';
import { refusedField } from '../lib/refused-field';
import { AuthForm } from './auth-form';
import { ForgotLink } from './forgot-link';
import { PasswordField } from './password-field';

const FIELD_OF = { invalid_email: 'email', invalid_credentials: 'password' } as const;

interface ChangeEmailFormProps {
  /** The address so far. */
  email: string;
  onClose: () => void;
  onRequested: (email: string) => void;
}

/** Asks for another address, and for the password: who finds the page open must not take the account over. */
export function ChangeEmailForm({ email, onClose, onRequested }: ChangeEmailFormProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(changeEmailSchema),
    defaultValues: { email: '', password: '' },
  });
  const changing = useChangeEmail();
  const { email: words, password } = text.account;

  const submit = handleSubmit((change) =>
    changing.mutate(change, {
      onSuccess: () => {
        onRequested(change.email);
        onClose();
      },
      onError: (error) => {
        const field = refusedField(error, FIELD_OF);
        const message = isApiError(error, 'invalid_credentials') ? password.wrong : sentenceFor(error);
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
      <Field
        {...register('email')}
        autoFocus
        label={words.field}
        type="email"
        autoComplete="email"
        error={formState.errors.email?.message}
      />
      <div>
        <PasswordField
          {...register('password')}
          label={password.current}
          autoComplete="current-password"
          error={formState.errors.password?.message}
        />
        <ForgotLink email={email} />
      </div>
    </AuthForm>
  );
}

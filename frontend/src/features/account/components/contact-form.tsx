import { zodResolver } from '@hookform/resolvers/zod';
import { useForm, useWatch } from 'react-hook-form';
import { Link, useLocation } from 'react-router';

import { sentenceFor } from '@/api/errors';
import type { Guest } from '@/api/session';
import { Field } from '@/shared/components/field';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useSetContact } from '../api/contact';
import { contactSchema } from '../lib/contact';
import type { FormState } from '../lib/form-state';
import { refusedField } from '../lib/refused-field';
import { AuthForm } from './auth-form';

const FIELD_OF = { invalid_email: 'email', invalid_name: 'full_name' } as const;

interface ContactFormProps {
  guest: Guest;
  submit: string;
  onSaved: () => void;
  /** Where the form can be given up. */
  onClose?: (() => void) | undefined;
}

/** Asks a guest for name and address, once; who has an account is led to sign in, with the address that was typed. */
export function ContactForm({ guest, submit: label, onSaved, onClose }: ContactFormProps) {
  const { register, handleSubmit, setError, control, formState } = useForm({
    resolver: zodResolver(contactSchema),
    defaultValues: { full_name: guest.full_name ?? '', email: guest.email ?? '' },
  });
  const email = useWatch({ control, name: 'email' });
  const saving = useSetContact(onSaved);
  const { pathname } = useLocation();
  const { fields, register: words, contact } = text.account;

  const submit = handleSubmit((typed) =>
    saving.mutate(typed, {
      onError: (error) => {
        const field = refusedField(error, FIELD_OF);
        if (field) setError(field, { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );

  return (
    <>
      <AuthForm
        error={refusedField(saving.error, FIELD_OF) ? null : saving.error}
        busy={saving.isPending}
        submit={label}
        onSubmit={submit}
        {...(onClose && { onCancel: onClose })}
      >
        <Field
          {...register('full_name')}
          label={fields.fullName}
          autoComplete="name"
          error={formState.errors.full_name?.message}
        />
        <Field
          {...register('email')}
          label={fields.email}
          hint={contact.emailHint}
          type="email"
          autoComplete="email"
          error={formState.errors.email?.message}
        />
      </AuthForm>
      <p className="mt-4 text-muted">
        {words.other}{' '}
        <Link
          to={paths.signIn(pathname)}
          state={{ email: email.trim() } satisfies FormState}
          className="font-semibold text-accent underline underline-offset-4"
        >
          {words.toOther}
        </Link>
      </p>
    </>
  );
}

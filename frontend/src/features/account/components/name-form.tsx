import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { z } from 'zod';

import { isApiError, sentenceFor } from '@/api/errors';
import { Field } from '@/shared/components/field';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { useRename } from '../api/rename';
import { nameSchema } from '../lib/name';
import { AuthForm } from './auth-form';

const schema = z.object({ full_name: nameSchema });

/** Changes one's name. */
export function NameForm({ name, onClose }: { name: string; onClose: () => void }) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(schema),
    defaultValues: { full_name: name },
  });
  const renaming = useRename();
  const { fields, rename: words } = text.account;
  const refused = isApiError(renaming.error, 'invalid_name');

  const submit = handleSubmit(({ full_name }) =>
    renaming.mutate(full_name, {
      onSuccess: () => {
        announce(words.done);
        onClose();
      },
      onError: (error) => {
        if (isApiError(error, 'invalid_name'))
          setError('full_name', { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refused ? null : renaming.error}
      busy={renaming.isPending}
      submit={words.save}
      onSubmit={submit}
      onCancel={onClose}
    >
      <Field
        {...register('full_name')}
        autoFocus
        label={fields.fullName}
        hint={fields.fullNameHint}
        autoComplete="name"
        error={formState.errors.full_name?.message}
      />
    </AuthForm>
  );
}

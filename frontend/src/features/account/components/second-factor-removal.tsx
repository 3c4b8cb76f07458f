import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { z } from 'zod';

import { isApiError, sentenceFor } from '@/api/errors';
import { text } from '@/shared/text';

import { useRemoveSecondFactor } from '../api/second-factor';
import { proofOf, proofSchema, type ProofKind } from '../lib/proof';
import { refusedField } from '../lib/refused-field';
import { AuthForm } from './auth-form';
import { PasswordField } from './password-field';
import { ProofField } from './proof-field';

const schema = proofSchema.extend({ password: z.string().min(1, text.account.missing.password) });

const FIELD_OF = { invalid_credentials: 'password', invalid_code: 'proof' } as const;

/** Turns it off, for who has both: an account that was taken over by its password stays half closed. */
export function SecondFactorRemoval({ onClose, onRemoved }: { onClose: () => void; onRemoved: () => void }) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(schema),
    defaultValues: { password: '', proof: '' },
  });
  const [kind, setKind] = useState<ProofKind>('code');
  const remove = useRemoveSecondFactor(onRemoved);
  const { password: words } = text.account;

  const submit = handleSubmit(({ password, proof }) =>
    remove.mutate(
      { password, ...proofOf(kind, proof) },
      {
        onError: (error) => {
          const field = refusedField(error, FIELD_OF);
          const message = isApiError(error, 'invalid_credentials') ? words.wrong : sentenceFor(error);
          if (field) setError(field, { message }, { shouldFocus: true });
        },
      },
    ),
  );

  return (
    <AuthForm
      error={refusedField(remove.error, FIELD_OF) ? null : remove.error}
      busy={remove.isPending}
      submit={text.secondFactor.turnOff.submit}
      onSubmit={submit}
      onCancel={onClose}
    >
      <PasswordField
        {...register('password')}
        autoFocus
        label={words.current}
        autoComplete="current-password"
        error={formState.errors.password?.message}
      />
      <ProofField
        {...register('proof')}
        kind={kind}
        onKindChange={setKind}
        error={formState.errors.proof?.message}
      />
    </AuthForm>
  );
}

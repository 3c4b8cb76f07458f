import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';

import { isApiError, sentenceFor } from '@/api/errors';
import { Field } from '@/shared/components/field';
import { QrSvg } from '@/shared/components/qr-svg';
import { text } from '@/shared/text';

import { useConfirmSecondFactor, type SecondFactorSecret } from '../api/second-factor';
import { proofSchema } from '../lib/proof';
import { AuthForm } from './auth-form';

interface SecondFactorConfirmationProps {
  secret: SecondFactorSecret;
  onClose: () => void;
  onConfirmed: (codes: readonly string[]) => void;
}

/** The secret as a picture and in text, and the code that shows that the app has it. */
export function SecondFactorConfirmation({ secret, onClose, onConfirmed }: SecondFactorConfirmationProps) {
  const { register, handleSubmit, setError, formState } = useForm({
    resolver: zodResolver(proofSchema),
    defaultValues: { proof: '' },
  });
  const confirm = useConfirmSecondFactor(onConfirmed);
  const words = text.secondFactor.setUp;
  const refused = isApiError(confirm.error, 'invalid_code');

  const submit = handleSubmit(({ proof }) =>
    confirm.mutate(proof, {
      onError: (error) => {
        if (isApiError(error, 'invalid_code'))
          setError('proof', { message: sentenceFor(error) }, { shouldFocus: true });
      },
    }),
  );

  return (
    <AuthForm
      error={refused ? null : confirm.error}
      busy={confirm.isPending}
      submit={words.confirm}
      onSubmit={submit}
      onCancel={onClose}
    >
      <p>{words.scan}</p>
      <div className="w-full max-w-56">
        <QrSvg label={words.qr} qr={secret.qr} />
      </div>
      <dl>
        <dt className="text-sm text-muted">{words.secret}</dt>
        <dd className="font-mono wrap-anywhere select-all">{inGroups(secret.secret)}</dd>
      </dl>
      <Field
        {...register('proof')}
        autoFocus
        label={words.code}
        hint={words.signsOut}
        inputMode="numeric"
        autoComplete="one-time-code"
        error={formState.errors.proof?.message}
      />
    </AuthForm>
  );
}

/** Four and four, as people type it; apps leave the spaces out. */
const inGroups = (secret: string) => secret.replace(/.{4}(?=.)/g, '$& ');

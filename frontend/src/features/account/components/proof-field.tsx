import type { ComponentProps } from 'react';

import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import type { ProofKind } from '../lib/proof';

interface ProofFieldProps extends Omit<ComponentProps<typeof Field>, 'label'> {
  kind: ProofKind;
  onKindChange: (kind: ProofKind) => void;
}

/** Asks for a code of the app, or for a recovery code of who has lost it. */
export function ProofField({ kind, onKindChange, ...field }: ProofFieldProps) {
  const words = text.secondFactor.field;
  const isCode = kind === 'code';
  return (
    <div>
      <Field
        {...field}
        label={isCode ? words.code : words.recoveryCode}
        inputMode={isCode ? 'numeric' : 'text'}
        autoComplete={isCode ? 'one-time-code' : 'off'}
        autoCapitalize="characters"
        spellCheck={false}
      />
      <Button look="quiet" className="-ml-3" onClick={() => onKindChange(isCode ? 'recovery_code' : 'code')}>
        {isCode ? words.useRecoveryCode : words.useCode}
      </Button>
    </div>
  );
}

import type { ComponentProps } from 'react';

import { text } from '@/shared/text';

import { SHORTEST } from '../lib/password';
import { PasswordField } from './password-field';
import { PasswordStrength } from './password-strength';

interface NewPasswordFieldProps extends Omit<ComponentProps<typeof PasswordField>, 'hint' | 'children'> {
  typed: string;
  /** What is known of the person, and so no secret. */
  known: readonly string[];
}

/** A password to be: its rule is said before it is typed, and its strength meanwhile. */
export function NewPasswordField({ typed, known, ...field }: NewPasswordFieldProps) {
  return (
    <PasswordField
      {...field}
      hint={text.account.fields.passwordRule}
      autoComplete="new-password"
      minLength={SHORTEST}
    >
      <PasswordStrength typed={typed} known={known} />
    </PasswordField>
  );
}

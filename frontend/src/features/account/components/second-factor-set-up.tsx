import { useState } from 'react';

import type { SecondFactorSecret } from '../api/second-factor';
import { SecondFactorConfirmation } from './second-factor-confirmation';
import { SecondFactorPassword } from './second-factor-password';

interface SecondFactorSetUpProps {
  onClose: () => void;
  /** Given the recovery codes. */
  onConfirmed: (codes: readonly string[]) => void;
}

/** The password first, then a secret for the app and the code that it makes of it. */
export function SecondFactorSetUp({ onClose, onConfirmed }: SecondFactorSetUpProps) {
  const [secret, setSecret] = useState<SecondFactorSecret>();
  if (!secret) return <SecondFactorPassword onClose={onClose} onSecret={setSecret} />;
  return <SecondFactorConfirmation secret={secret} onClose={onClose} onConfirmed={onConfirmed} />;
}

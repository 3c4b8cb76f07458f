import { text } from '@/shared/text';

import type { Departure } from '../lib/departure';
import { AccountSection } from './account-section';
import { DeleteAccountForm } from './delete-account-form';
import { FormOpener } from './form-opener';

/** Says what happens, and asks for the password. */
export function DeleteAccount({ onLeft }: { onLeft: (departure: Departure) => void }) {
  const words = text.leaving;
  return (
    <AccountSection title={words.title} lead={words.lead}>
      <p>{words.open}</p>
      <p className="mt-2 mb-4">{words.figures}</p>
      <FormOpener label={words.start}>
        {(close) => <DeleteAccountForm onClose={close} onLeft={onLeft} />}
      </FormOpener>
    </AccountSection>
  );
}

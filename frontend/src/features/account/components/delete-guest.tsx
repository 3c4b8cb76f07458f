import { text } from '@/shared/text';

import { useDeleteAccount } from '../api/delete-account';
import type { Departure } from '../lib/departure';
import { AccountSection } from './account-section';
import { AuthForm } from './auth-form';
import { FormOpener } from './form-opener';

/** Says what happens, and asks once more: a guest has no password to ask for. */
export function DeleteGuest({ onLeft }: { onLeft: (departure: Departure) => void }) {
  const leaving = useDeleteAccount((departure) => onLeft({ ...departure, guest: true }));
  const { figures, guest: words } = text.leaving;
  return (
    <AccountSection title={words.title} lead={words.lead}>
      <p>{words.open}</p>
      <p className="mt-2 mb-4">{figures}</p>
      <FormOpener label={words.start} onOpen={leaving.reset}>
        {(close) => (
          <AuthForm
            error={leaving.error}
            busy={leaving.isPending}
            submit={words.submit}
            onSubmit={(event) => {
              event.preventDefault();
              leaving.mutate({});
            }}
            onCancel={close}
          >
            <p className="font-semibold">{words.question}</p>
          </AuthForm>
        )}
      </FormOpener>
    </AccountSection>
  );
}

import { useState } from 'react';

import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { ChangeEmailForm } from './change-email-form';
import { FormOpener } from './form-opener';

/** Another address for the account, which is its own once the link that is sent there has been opened. */
export function ChangeEmail({ email }: { email: string }) {
  const [requested, setRequested] = useState<string>();
  const words = text.account.email;
  const isPending = requested !== undefined && requested !== email;
  return (
    <>
      <FormOpener label={words.open} onOpen={() => setRequested(undefined)}>
        {(close) => <ChangeEmailForm email={email} onClose={close} onRequested={setRequested} />}
      </FormOpener>
      <div role="status">
        {isPending && (
          <div className="mt-3">
            <Notice tone="good">{words.requested(requested, email)}</Notice>
          </div>
        )}
      </div>
    </>
  );
}

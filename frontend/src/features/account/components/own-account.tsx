import type { Account } from '@/api/session';
import { text } from '@/shared/text';

import { useAccount } from '../api/account';
import { ChangeEmail } from './change-email';
import { EmailStatus } from './email-status';
import { FormOpener } from './form-opener';
import { NameForm } from './name-form';

/** What one is known by, and ways to change it. */
export function OwnAccount({ user }: { user: Account }) {
  const account = useAccount();
  const { fields, rename } = text.account;
  // The session has the address that it began with.
  const email = account.data?.email ?? user.email;
  return (
    <div className="rounded-card border border-line bg-surface p-6">
      <dl>
        <dt className="text-sm text-muted">{fields.fullName}</dt>
        <dd className="text-lg wrap-anywhere">{user.full_name}</dd>
        <dd className="mt-2">
          <FormOpener label={rename.open}>
            {(close) => <NameForm name={user.full_name} onClose={close} />}
          </FormOpener>
        </dd>
      </dl>
      <dl className="mt-6">
        <dt className="text-sm text-muted">{fields.email}</dt>
        <dd className="text-lg wrap-anywhere">{email}</dd>
        <dd>
          <EmailStatus account={account} />
        </dd>
        <dd className="mt-2">
          <ChangeEmail email={email} />
        </dd>
      </dl>
    </div>
  );
}

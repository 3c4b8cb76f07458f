import { text } from '@/shared/text';

import { AccountSection } from './account-section';
import { ChangePasswordForm } from './change-password-form';
import { FormOpener } from './form-opener';

/** Another password, for who knows the one so far. */
export function ChangePassword({ email, name }: { email: string; name: string }) {
  const words = text.account.password;
  return (
    <AccountSection title={words.title} lead={words.lead}>
      <FormOpener label={words.open}>
        {(close) => <ChangePasswordForm email={email} name={name} onClose={close} />}
      </FormOpener>
    </AccountSection>
  );
}

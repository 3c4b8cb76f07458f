import { useLocation } from 'react-router';

import { useGuest } from '@/api/session';
import { ButtonLink } from '@/shared/components/button';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useRegister } from '../api/register';
import { contactOf } from '../lib/contact';
import { AccountSection } from './account-section';
import { CheckEmail } from './check-email';
import { CreateAccountForm } from './create-account-form';

/** An account for a guest, who has to choose a password for it and nothing else once name and address are known. */
export function CreateAccount() {
  const guest = useGuest();
  const { pathname } = useLocation();
  const registering = useRegister();
  const words = text.account.guest;
  if (registering.isSuccess) return <CheckEmail email={registering.variables.email} returnTo={pathname} />;
  // The session is an account's a moment before the answer is read.
  const contact = guest ? contactOf(guest) : registering.variables;
  if (!guest && !registering.isPending) return null;
  return (
    <AccountSection title={words.create} lead={words.lead}>
      {contact ? (
        <CreateAccountForm contact={contact} registering={registering} />
      ) : (
        <ButtonLink look="secondary" to={paths.register(pathname)}>
          {text.account.register.submit}
        </ButtonLink>
      )}
    </AccountSection>
  );
}

import { useNavigate } from 'react-router';

import { useAccountUser, useGuest } from '@/api/session';
import { useOwnSessions } from '@/features/account/api/own-sessions';
import { useSecondFactor } from '@/features/account/api/second-factor';
import { ChangePassword } from '@/features/account/components/change-password';
import { CreateAccount } from '@/features/account/components/create-account';
import { DeleteAccount } from '@/features/account/components/delete-account';
import { DeleteGuest } from '@/features/account/components/delete-guest';
import { Devices } from '@/features/account/components/devices';
import { GuestContact } from '@/features/account/components/guest-contact';
import { OwnAccount } from '@/features/account/components/own-account';
import { OwnData } from '@/features/account/components/own-data';
import { SecondFactor } from '@/features/account/components/second-factor';
import { SignOutButtons } from '@/features/account/components/sign-out-buttons';
import { contactOf } from '@/features/account/lib/contact';
import { Page } from '@/shared/components/page';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function AccountPage() {
  return useGuest() ? <GuestAccount /> : <OwnedAccount />;
}

/** What is kept about somebody without an account, and ways to change it. */
function GuestAccount() {
  const guest = useGuest();
  const navigate = useNavigate();
  const { contact, guest: words } = text.account;
  return (
    <Page title={words.title} width="narrow">
      <div className="flex flex-col gap-6">
        {guest && <GuestContact guest={guest} asked={contactOf(guest) === undefined} submit={contact.save} />}
        <CreateAccount />
        <OwnData />
        <DeleteGuest
          onLeft={(departure) => void navigate(paths.goodbye(), { replace: true, state: departure })}
        />
      </div>
    </Page>
  );
}

function OwnedAccount() {
  const user = useAccountUser();
  const sessions = useOwnSessions();
  const factor = useSecondFactor();
  const navigate = useNavigate();
  // What stands below has its place then.
  const heightIsKnown = !sessions.isLoading && !factor.isLoading;
  const { account } = text.account;
  return (
    <Page title={account.title} width="narrow">
      <div className="flex flex-col gap-6">
        {user && (
          <>
            <OwnAccount user={user} />
            <ChangePassword email={user.email} name={user.full_name} />
          </>
        )}
        <Devices sessions={sessions}>
          <SignOutButtons onSignedOut={() => void navigate(paths.films())} />
        </Devices>
        {!sessions.isLoading && <SecondFactor factor={factor} />}
        {heightIsKnown && (
          <>
            <OwnData />
            <DeleteAccount
              onLeft={(departure) => void navigate(paths.goodbye(), { replace: true, state: departure })}
            />
          </>
        )}
      </div>
    </Page>
  );
}

import { useNavigate } from 'react-router';

import { useUser } from '@/api/session';
import { OwnAccount } from '@/features/account/components/own-account';
import { SignOutButtons } from '@/features/account/components/sign-out-buttons';
import { Page } from '@/shared/components/page';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function AccountPage() {
  const user = useUser();
  const navigate = useNavigate();
  const { account } = text.account;
  return (
    <Page title={account.title} width="narrow">
      {user && <OwnAccount user={user} />}
      <div className="mt-8">
        <SignOutButtons onSignedOut={() => void navigate(paths.films())} />
      </div>
    </Page>
  );
}

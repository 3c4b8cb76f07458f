import { useNavigate } from 'react-router';

import { useUser } from '@/api/session';
import { SignOutButtons } from '@/features/account/components/sign-out-buttons';
import { Page } from '@/shared/components/page';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function AccountPage() {
  const user = useUser();
  const navigate = useNavigate();
  const { account, fields } = text.account;
  return (
    <Page title={account.title} width="narrow">
      <dl className="rounded-card border border-line bg-surface p-6">
        <dt className="text-sm text-muted">{fields.fullName}</dt>
        <dd className="text-lg wrap-anywhere">{user?.full_name}</dd>
        <dt className="mt-4 text-sm text-muted">{fields.email}</dt>
        <dd className="text-lg wrap-anywhere">{user?.email}</dd>
      </dl>
      <div className="mt-8">
        <SignOutButtons onSignedOut={() => void navigate(paths.films())} />
      </div>
    </Page>
  );
}

import { useNavigate } from 'react-router';

import { FormPage } from '@/features/account/components/form-page';
import { MissingToken } from '@/features/account/components/missing-token';
import { ResetForm } from '@/features/account/components/reset-form';
import type { FormState } from '@/features/account/lib/form-state';
import { NoIndex } from '@/shared/components/no-index';
import { useLinkToken } from '@/shared/lib/link-token';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function ResetPage() {
  const token = useLinkToken();
  const navigate = useNavigate();
  const { reset } = text.account;
  const toSignIn = (email: string) =>
    void navigate(paths.signIn(), { replace: true, state: { email, done: 'reset' } satisfies FormState });
  return (
    <FormPage title={reset.title} lead={reset.lead}>
      <NoIndex />
      {token === undefined ? <MissingToken /> : <ResetForm key={token} token={token} onReset={toSignIn} />}
    </FormPage>
  );
}

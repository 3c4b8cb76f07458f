import { FormPage } from '@/features/account/components/form-page';
import { MissingToken } from '@/features/account/components/missing-token';
import { VerifyEmail } from '@/features/account/components/verify-email';
import { NoIndex } from '@/shared/components/no-index';
import { useLinkToken } from '@/shared/lib/link-token';
import { text } from '@/shared/text';

export default function VerifyPage() {
  const token = useLinkToken();
  return (
    <FormPage title={text.account.verify.title}>
      <NoIndex />
      {token === undefined ? <MissingToken /> : <VerifyEmail key={token} token={token} />}
    </FormPage>
  );
}

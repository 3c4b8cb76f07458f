import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function CheckoutPage() {
  return (
    <Page title={text.checkout.title}>
      <Notice>{text.common.comingSoon}</Notice>
    </Page>
  );
}

import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function BookingsPage() {
  return (
    <Page title={text.bookings.title}>
      <Notice>{text.common.comingSoon}</Notice>
    </Page>
  );
}

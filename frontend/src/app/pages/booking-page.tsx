import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function BookingPage() {
  return (
    <Page title={text.bookings.booking}>
      <Notice>{text.common.comingSoon}</Notice>
    </Page>
  );
}

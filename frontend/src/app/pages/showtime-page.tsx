import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function ShowtimePage() {
  return (
    <Page title={text.seats.title}>
      <Notice>{text.common.comingSoon}</Notice>
    </Page>
  );
}

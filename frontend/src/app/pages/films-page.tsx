import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function FilmsPage() {
  return (
    <Page title={text.films.title}>
      <Notice>{text.common.comingSoon}</Notice>
    </Page>
  );
}

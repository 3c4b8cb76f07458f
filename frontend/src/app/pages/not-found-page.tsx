import { ButtonLink } from '@/shared/components/button';
import { Page } from '@/shared/components/page';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function NotFoundPage() {
  const { notFound, toFilms } = text.common;
  return (
    <Page title={notFound.title} lead={notFound.sentence} width="narrow">
      <ButtonLink to={paths.films()}>{toFilms}</ButtonLink>
    </Page>
  );
}

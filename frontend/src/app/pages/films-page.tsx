import { FilmList } from '@/features/films/components/film-list';
import { Page } from '@/shared/components/page';
import { text } from '@/shared/text';

export default function FilmsPage() {
  return (
    <Page title={text.films.title} lead={text.films.lead}>
      <FilmList />
    </Page>
  );
}

import { useParams } from 'react-router';

import { sentenceFor } from '@/api/errors';
import { useFilm } from '@/features/films/api/film';
import { FilmDetails } from '@/features/films/components/film-details';
import { FilmSkeleton } from '@/features/films/components/film-skeleton';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

const words = text.films.film;

export default function FilmPage() {
  const { slug = '' } = useParams();
  const query = useFilm(slug);
  const { data: film, error, refetch } = query;
  if (film)
    return (
      <Page title={film.title} lead={[film.original_title, film.release_year].filter(Boolean).join(' · ')}>
        <FilmDetails film={film} query={query} />
      </Page>
    );
  if (film === null)
    return (
      <Page title={words.notFound.title} lead={words.notFound.sentence}>
        <ButtonLink to={paths.films()}>{text.common.toFilms}</ButtonLink>
      </Page>
    );
  if (error)
    return (
      <Page title={words.loading}>
        <Notice
          tone="bad"
          title={words.failed}
          action={<Button onClick={() => void refetch()}>{text.common.tryAgain}</Button>}
        >
          {sentenceFor(error)}
        </Notice>
      </Page>
    );
  return (
    <Page title={words.loading} lead={'\u00a0'}>
      <FilmSkeleton />
    </Page>
  );
}

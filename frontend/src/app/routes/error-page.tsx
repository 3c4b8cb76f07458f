import { Button, ButtonLink } from '@/shared/components/button';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

/** What is left when a page threw: a sentence, and two ways on. */
export function ErrorPage() {
  const { crash, loadAgain, toFilms } = text.common;
  return (
    <div role="alert" className="mx-auto w-full max-w-lg px-4 py-7 sm:py-12">
      <h1 className="font-display text-4xl tracking-tight sm:text-5xl">{crash.title}</h1>
      <p className="mt-3 text-lg text-muted">{crash.sentence}</p>
      <div className="mt-8 flex flex-wrap gap-3">
        <Button onClick={() => location.reload()}>{loadAgain}</Button>
        <ButtonLink look="secondary" reloadDocument to={paths.films()}>
          {toFilms}
        </ButtonLink>
      </div>
    </div>
  );
}

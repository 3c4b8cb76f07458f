import { text } from '@/shared/text';

import type { Certificate as Name } from '../lib/film-filters';

export function Certificate({ name }: { name: Name }) {
  return (
    <span className="inline-flex min-w-7 justify-center rounded border border-edge px-1 text-xs leading-5 font-semibold text-ink">
      {name}
      <span className="sr-only">, {text.films.certificates[name]}</span>
    </span>
  );
}

import { useId, useState } from 'react';

import { Button } from '@/shared/components/button';
import { text } from '@/shared/text';

import type { Theater } from '../api/theaters';
import { capitalize, languageName } from '../lib/names';
import type { ChangeFilters } from '../lib/use-film-filters';
import { CERTIFICATES, LENGTHS, readFilters, SORTS, type Filters } from '../lib/film-filters';
import { SearchBox } from './search-box';
import { Select } from './select';

interface FilmFiltersProps {
  filters: Filters;
  onChange: ChangeFilters;
  theaters: readonly Theater[];
  genres: readonly string[];
  languages: readonly string[];
}

const words = text.films.filters;

/** All that narrows the list but the day. On a small screen only the search and the place are always there. */
export function FilmFilters({ filters, onChange, theaters, genres, languages }: FilmFiltersProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const { q, genre, language, certificate, length, sort } = filters;
  const set = [genre, language, certificate, length].filter(Boolean).length;
  // As if it stood in the address, where it is checked.
  const choose = (name: keyof Filters) => (value: string | undefined) =>
    onChange({ [name]: readFilters(new URLSearchParams({ [name]: value ?? '' }))[name] });
  return (
    <section
      aria-label={words.label}
      className="grid gap-3 rounded-card border border-line bg-surface p-4 sm:grid-cols-2 lg:grid-cols-4"
    >
      <div className="lg:col-span-2">
        <SearchBox value={filters.q} onChange={choose('q')} />
      </div>
      <div>
        <Select
          label={text.films.place.label}
          value={filters.at}
          onChange={choose('at')}
          all={text.films.place.all}
        >
          {[...new Set(theaters.map(({ city }) => city))].map((city) => {
            const there = theaters.filter((theater) => theater.city === city);
            return (
              <optgroup key={city} label={city}>
                {(there.length > 1 || filters.at === city) && (
                  <option value={city}>{text.films.place.city(city)}</option>
                )}
                {there.map(({ slug, name }) => (
                  <option key={slug} value={slug}>
                    {name}, {city}
                  </option>
                ))}
              </optgroup>
            );
          })}
        </Select>
      </div>
      <Button
        look="secondary"
        className="sm:hidden"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {words.show(set)}
      </Button>
      <div id={id} className={`${open ? 'grid' : 'hidden'} gap-3 sm:contents`}>
        <Select
          label={words.sort.label}
          value={sort}
          onChange={choose('sort')}
          all={q === undefined ? words.sort.title : words.sort.relevance}
        >
          {SORTS.filter((name) => name !== 'title' || q !== undefined || sort === 'title').map((name) => (
            <option key={name} value={name}>
              {words.sort[name]}
            </option>
          ))}
        </Select>
        <Select label={words.genre.label} value={genre} onChange={choose('genre')} all={words.genre.all}>
          {genres.map((name) => (
            <option key={name} value={name}>
              {capitalize(name)}
            </option>
          ))}
        </Select>
        <Select
          label={words.language.label}
          value={language}
          onChange={choose('language')}
          all={words.language.all}
        >
          {languages.map((tag) => (
            <option key={tag} value={tag}>
              {languageName(tag)}
            </option>
          ))}
        </Select>
        <Select
          label={words.certificate.label}
          value={certificate}
          onChange={choose('certificate')}
          all={words.certificate.all}
        >
          {CERTIFICATES.slice(0, -1).map((name) => (
            <option key={name} value={name}>
              {words.certificate.upTo[name]}
            </option>
          ))}
        </Select>
        <Select label={words.length.label} value={length} onChange={choose('length')} all={words.length.all}>
          {LENGTHS.map((name) => (
            <option key={name} value={name}>
              {words.length[name]}
            </option>
          ))}
        </Select>
      </div>
    </section>
  );
}

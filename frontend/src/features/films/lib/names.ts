import { text } from '@/shared/text';

const languages = new Intl.DisplayNames(text.locale, { type: 'language' });
const list = new Intl.ListFormat(text.locale, { type: 'conjunction' });

/** The name of what is spoken, from its BCP 47 tag. */
export function languageName(tag: string): string {
  return tag === 'zxx' ? text.films.filters.language.silent : (languages.of(tag) ?? tag);
}

/** A, B and C. */
export function formatList(names: readonly string[]): string {
  return list.format(names);
}

export function capitalize(words: string): string {
  return words.charAt(0).toLocaleUpperCase(text.locale) + words.slice(1);
}

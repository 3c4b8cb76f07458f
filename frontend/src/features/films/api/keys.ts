import type { Question } from './films';

export const filmKeys = {
  theaters: ['films', 'theaters'] as const,
  list: (question: Question) => ['films', 'list', question] as const,
  film: (slug: string) => ['films', 'film', slug] as const,
};

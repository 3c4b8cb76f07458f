export const filmKeys = {
  theaters: ['films', 'theaters'] as const,
  list: (day: string | undefined, theaterIds: readonly number[] | undefined) =>
    ['films', 'list', { day, theaterIds }] as const,
  film: (slug: string) => ['films', 'film', slug] as const,
};

import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { z } from 'zod';

import { listen } from '@/api/realtime';

import type { Film, FilmPages } from './film';
import { filmKeys } from './keys';

/** The showtime:update that sql/booking/broadcasts.sql sends to listings. */
const updateSchema = z.object({
  showtime_id: z.number(),
  seats_left: z.number(),
  status: z.enum(['scheduled', 'cancelled']),
});

type Update = z.output<typeof updateSchema>;

/** Keeps the showtimes of a film that was read as they are, for as long as they are looked at. */
export function useFilmUpdates(film: Pick<Film, 'id' | 'slug'> | null | undefined): void {
  const queryClient = useQueryClient();
  const { id, slug } = film ?? {};
  useEffect(() => {
    if (id === undefined || slug === undefined) return;
    const queryKey = filmKeys.film(slug);
    const readAgain = () => void queryClient.invalidateQueries({ queryKey });
    return listen(`movie:${id}`, {
      onJoined: readAgain,
      onEvent(event, payload) {
        const update = updateSchema.safeParse(payload);
        if (event !== 'showtime:update' || !update.success) return;
        queryClient.setQueryData<FilmPages>(queryKey, (read) => read && updated(read, update.data));
        // What is being read now may be older than this.
        if (queryClient.isFetching({ queryKey }) > 0) readAgain();
      },
    });
  }, [id, slug, queryClient]);
}

function updated(film: FilmPages, { showtime_id, seats_left, status }: Update): FilmPages {
  return {
    ...film,
    pages: film.pages.map(
      (page) =>
        page && {
          ...page,
          showtimes: page.showtimes.map((showtime) =>
            showtime.id === showtime_id ? { ...showtime, seats_left, status } : showtime,
          ),
        },
    ),
  };
}

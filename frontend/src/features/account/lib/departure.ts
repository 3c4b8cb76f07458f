import { useLocation } from 'react-router';
import { z } from 'zod';

/** What became of an account that was to be deleted. */
export const departureSchema = z.object({
  status: z.enum(['deleted', 'scheduled']),
  /** Until when something is open. */
  until: z.string().nullish(),
  /** It was none, but what was kept about a guest. */
  guest: z.boolean().optional(),
});

export type Departure = z.output<typeof departureSchema>;

/** As the account page has handed it on; undefined for who comes by the address. */
export function useDeparture(): Departure | undefined {
  const { state } = useLocation() as { state: unknown };
  return departureSchema.safeParse(state).data;
}

import { z } from 'zod';

const schema = z.object({
  status: z.string(),
  starts_at: z.string().optional(),
  revision: z.number().optional(),
});

interface Known {
  readonly status: string;
  readonly starts_at: string;
  readonly revision: number;
}

/**
 * A showtime:update says something else than what the page knows. Most of them say only how many seats are left, every
 * few seconds while a showtime sells well, and give no reason to ask.
 */
export function isOutdatedBy(known: Known | null | undefined, payload: unknown): boolean {
  const { data: update } = schema.safeParse(payload);
  if (!known || !update) return true;
  return (
    update.status !== known.status ||
    (update.revision !== undefined && update.revision !== known.revision) ||
    (update.starts_at !== undefined && Date.parse(update.starts_at) !== Date.parse(known.starts_at))
  );
}

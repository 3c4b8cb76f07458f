import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { isApiError } from '@/api/errors';
import { supabase } from '@/api/supabase';

import { SEAT_KINDS, type Place } from '../model/seat';

const placeSchema = z
  .tuple([z.number(), z.string(), z.number(), z.number(), z.number(), z.enum(SEAT_KINDS)])
  .transform(([id, row, number, x, y, kind]): Place => ({ id, row, number, x, y, kind }));

const schema = z
  .object({ auditorium_id: z.number(), version: z.number(), seats: z.array(placeSchema) })
  .transform(({ auditorium_id, version, seats }) => ({ auditoriumId: auditorium_id, version, seats }));

export type SeatLayout = z.output<typeof schema>;

const readVersion = (auditoriumId: number, version: number, signal: AbortSignal) =>
  queryAs(
    schema,
    supabase.rpc('seat_layout', { auditorium_id: auditoriumId, version }, { get: true }).abortSignal(signal),
  );

/** The layout of that version, or the present one where seats have changed since the version was told. */
async function readLayout(auditoriumId: number, version: number, signal: AbortSignal): Promise<SeatLayout> {
  try {
    return await readVersion(auditoriumId, version, signal);
  } catch (error) {
    const present = isApiError(error, 'layout_outdated') ? error.details.version : undefined;
    if (typeof present !== 'number') throw error;
    return readVersion(auditoriumId, present, signal);
  }
}

/** A version never changes: browsers keep it for good, and so does this page while it is open. */
export const seatLayoutQuery = (auditoriumId: number, version: number) =>
  queryOptions({
    queryKey: ['seat-layout', auditoriumId, version],
    queryFn: ({ signal }) => readLayout(auditoriumId, version, signal),
    staleTime: Infinity,
  });

import { useMutation, useQuery } from '@tanstack/react-query';
import { z } from 'zod';

import { getSignedIn, getText } from '@/api/flask';
import { saveFile } from '@/shared/lib/save-file';

export const ticketSchema = z.object({
  token: z.string(),
  reference: z.string(),
  /** A square of size modules, the dark ones as a path. */
  qr: z.object({ size: z.number(), path: z.string() }),
});

export function useTicket(bookingId: string) {
  return useQuery({
    queryKey: ['ticket', bookingId],
    queryFn: () => getSignedIn(`/api/bookings/${bookingId}/ticket`, ticketSchema),
    staleTime: Infinity,
  });
}

/** Hands the calendar's file to the browser to keep. */
export function useCalendarFile(bookingId: string, reference: string) {
  return useMutation({
    mutationFn: async () => {
      const calendar = await getText(`/api/bookings/${bookingId}/ticket.ics`);
      saveFile(`frontrow-${reference}.ics`, 'text/calendar', calendar);
    },
  });
}

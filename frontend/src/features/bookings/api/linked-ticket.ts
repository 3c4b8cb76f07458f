import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { allBookings, bookingSchema } from '@/api/bookings';
import { notifyOtherTabs } from '@/api/cross-tab';
import { post, postForFile } from '@/api/http';
import { adjustClock } from '@/shared/lib/clock';
import { saveFile } from '@/shared/lib/save-file';

import { ticketSchema } from './ticket';

/** What the link of an email says: which ticket, and that whoever has the link may see it. */
export interface TicketLink {
  reference: string;
  key: string;
}

const schema = z.object({
  booking: bookingSchema,
  /** Null for a booking that is not confirmed. */
  ticket: ticketSchema.nullable(),
  /** By who has the link and nothing else. */
  cancellable: z.boolean(),
});

/**
 * Not as anybody: the link is enough, and stands in the body, since addresses are logged. Sets the page's clock, as
 * reading one's own bookings does.
 */
async function ask(path: '/api/tickets/open' | '/api/tickets/cancel', link: TicketLink) {
  const askedAt = performance.now();
  const answer = await post(path, schema, { body: link });
  adjustClock(answer.booking.server_time, askedAt);
  return answer;
}

export const linkedTicketQuery = (link: TicketLink) =>
  queryOptions({
    queryKey: [...allBookings.queryKey, 'link', link.reference, link.key],
    queryFn: () => ask('/api/tickets/open', link),
    staleTime: 0,
  });

export function useCancelByLink(link: TicketLink) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => ask('/api/tickets/cancel', link),
    onSuccess: (answer) => {
      queryClient.setQueryData(linkedTicketQuery(link).queryKey, answer);
      notifyOtherTabs(answer.booking.showtime.id);
    },
    // After a refusal, too: the booking is not what the page believed.
    onSettled: () => queryClient.invalidateQueries(allBookings),
  });
}

/** Hands the calendar's file to the browser to keep. */
export function useLinkedCalendarFile(link: TicketLink) {
  return useMutation({
    mutationFn: async () => {
      const { content } = await postForFile('/api/tickets/calendar', { body: link });
      saveFile(`frontrow-${link.reference}.ics`, 'text/calendar', content);
    },
  });
}

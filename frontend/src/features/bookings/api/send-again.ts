import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { answerAs } from '@/api/data';
import { supabase } from '@/api/supabase';

const schema = z.object({ sent_to: z.string() });

const sendTicketAgain = (bookingId: string) =>
  answerAs(schema, supabase.rpc('send_ticket_again', { booking_id: bookingId }));

export function useSendTicketAgain() {
  return useMutation({ mutationFn: sendTicketAgain });
}

import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';

const schema = z.object({ sent_to: z.string() });

const resendTicket = (bookingId: string) =>
  queryAs(schema, supabase.rpc('send_ticket_again', { booking_id: bookingId }));

export function useResendTicket() {
  return useMutation({ mutationFn: resendTicket });
}

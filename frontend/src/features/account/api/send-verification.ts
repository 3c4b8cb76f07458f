import { useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';

import { accountKey } from './account';

const schema = z.object({ sent_to: z.string() });

const sendVerification = () => queryAs(schema, supabase.rpc('send_verification_again'));

export function useSendVerification() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: sendVerification,
    // An address that was proven meanwhile, in another tab, gets no link.
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: accountKey }),
  });
}

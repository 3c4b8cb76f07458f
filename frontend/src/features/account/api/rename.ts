import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { mutate } from '@/api/data';
import { session } from '@/api/session';
import { supabase } from '@/api/supabase';

const schema = z.object({ full_name: z.string() });

const rename = (fullName: string) => mutate(schema, () => supabase.rpc('rename_me', { full_name: fullName }));

export function useRename() {
  return useMutation({
    mutationFn: rename,
    onSuccess: ({ full_name }) => session.update({ full_name }),
  });
}

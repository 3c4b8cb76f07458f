import { useQuery } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';

import { filmKeys } from './keys';

const schema = z
  .object({
    theaters: z.array(
      z.object({
        id: z.number(),
        slug: z.string(),
        name: z.string(),
        city: z.string(),
        time_zone: z.string(),
      }),
    ),
  })
  .transform(({ theaters }) => theaters);

const readTheaters = () => queryAs(schema, supabase.rpc('theaters', undefined, { get: true }));

export type Theater = z.output<typeof schema>[number];

export function useTheaters() {
  return useQuery({ queryKey: filmKeys.theaters, queryFn: readTheaters, staleTime: Infinity });
}

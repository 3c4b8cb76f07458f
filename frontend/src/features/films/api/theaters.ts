import { useQuery } from '@tanstack/react-query';

import { query } from '@/api/data';
import { supabase } from '@/api/supabase';

import { filmKeys } from './keys';

const COLUMNS = 'id, slug, name, city, time_zone';

const readTheaters = () => query(supabase.from('theaters').select(COLUMNS).order('city').order('name'));

export type Theater = Awaited<ReturnType<typeof readTheaters>>[number];

export function useTheaters() {
  return useQuery({ queryKey: filmKeys.theaters, queryFn: readTheaters, staleTime: Infinity });
}

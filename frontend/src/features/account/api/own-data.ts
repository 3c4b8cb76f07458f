import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';
import { saveFile } from '@/shared/lib/save-file';

/** All of it goes into the file, whatever a newer server adds. */
const schema = z.looseObject({ exported_at: z.string() });

async function downloadOwnData() {
  const data = await queryAs(schema, supabase.rpc('my_data', undefined, { get: true }));
  const day = data.exported_at.slice(0, 10);
  saveFile(`frontrow-my-data-${day}.json`, 'application/json', JSON.stringify(data, null, 2));
}

export function useDownloadOwnData() {
  return useMutation({ mutationFn: downloadOwnData });
}

import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { mutate } from '@/api/data';
import { session } from '@/api/session';
import { supabase } from '@/api/supabase';

import type { Contact } from '../lib/contact';

/** As the database keeps them. */
const schema = z.object({ email: z.string(), full_name: z.string() });

const setContact = (contact: Contact) => mutate(schema, () => supabase.rpc('set_contact', contact));

/** Says where a guest's tickets go. `onSaved` is called even if the form is gone by then, as one that is asked for is. */
export function useSetContact(onSaved: () => void) {
  return useMutation({
    mutationFn: setContact,
    onSuccess: (contact) => {
      session.update(contact);
      onSaved();
    },
  });
}

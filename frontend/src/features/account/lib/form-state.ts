import { useLocation } from 'react-router';
import { z } from 'zod';

/**
 * What one form of an account hands on to the next: the address that was typed, and what was done. With the navigation
 * and not in the address of the page, which people copy and histories and logs keep.
 */
const schema = z.object({
  email: z.string().default(''),
  done: z.literal('reset').optional(),
  /** To sign in to another account than the one that is signed in to. */
  instead: z.boolean().optional(),
});

export type FormState = z.input<typeof schema>;

export function useFormState(): z.output<typeof schema> {
  const { state } = useLocation() as { state: unknown };
  return schema.safeParse(state).data ?? { email: '' };
}

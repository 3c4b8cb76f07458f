import { useEffect } from 'react';

import { useLinkToken } from '@/shared/lib/link-token';

const storageKey = (reference: string) => `frontrow.ticket.${reference}`;

/**
 * The key of the link to a ticket, undefined if there is none. It leaves the address, as the tokens of other links do,
 * and stays in this tab: a ticket is reloaded at the door, where nobody looks for the email.
 */
export function useTicketKey(reference: string): string | undefined {
  const given = useLinkToken();
  useEffect(() => {
    if (given !== undefined) keep(reference, given);
  }, [given, reference]);
  return given ?? kept(reference);
}

function keep(reference: string, key: string): void {
  try {
    sessionStorage.setItem(storageKey(reference), key);
  } catch {
    // Storage is forbidden here: after a reload the link is opened again.
  }
}

function kept(reference: string): string | undefined {
  try {
    return sessionStorage.getItem(storageKey(reference)) ?? undefined;
  } catch {
    return undefined;
  }
}

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { postSignedIn } from '@/api/flask';
import { session } from '@/api/session';
import { supabase } from '@/api/supabase';

import { sessionsKey } from './own-sessions';

const stateSchema = z.object({
  /** Null without one. */
  confirmed_at: z.string().nullable(),
  recovery_codes_left: z.number(),
  /** Whether staff have no permissions without one. */
  is_demanded: z.boolean(),
});

const secretSchema = z.object({
  secret: z.string(),
  uri: z.string(),
  qr: z.object({ size: z.number(), path: z.string() }),
});

export type SecondFactorSecret = z.output<typeof secretSchema>;

const codesSchema = z.object({ recovery_codes: z.array(z.string()) });

/** A code of the app, or a recovery code in its place. */
export type Proof = { code: string } | { recovery_code: string };

export const secondFactorKey = ['second-factor'];

export function useSecondFactor() {
  return useQuery({
    queryKey: secondFactorKey,
    queryFn: () => queryAs(stateSchema, supabase.rpc('my_second_factor', undefined, { get: true })),
    staleTime: 0,
  });
}

const begin = (password: string) => postSignedIn('/api/auth/second-factor/begin', secretSchema, { password });

/** Asks for a secret to set the app up with. Nothing is asked for at sign-in until a code confirms it. */
export function useBeginSecondFactor() {
  return useMutation({ mutationFn: begin, gcTime: 0 });
}

const confirm = (code: string) => postSignedIn('/api/auth/second-factor/confirm', codesSchema, { code });

/**
 * Turns it on, and ends all sessions but this one. `onConfirmed` is called with the recovery codes before anything is
 * read anew: they are answered this once, and must not be lost with a form that goes.
 */
export function useConfirmSecondFactor(onConfirmed: (codes: readonly string[]) => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: confirm,
    gcTime: 0,
    onSuccess: ({ recovery_codes: codes }) => {
      onConfirmed(codes);
      // The code has shown as much as one at sign-in does, and the next token says so.
      void session.renew();
      for (const queryKey of [secondFactorKey, sessionsKey]) void queryClient.invalidateQueries({ queryKey });
    },
  });
}

const remove = (asked: Proof & { password: string }) =>
  postSignedIn('/api/auth/second-factor/remove', z.undefined(), asked);

export function useRemoveSecondFactor(onRemoved: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: remove,
    onSuccess: () => {
      onRemoved();
      void queryClient.invalidateQueries({ queryKey: secondFactorKey });
    },
  });
}

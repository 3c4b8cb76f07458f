import { useEffect, useRef } from 'react';

import { announce } from '@/shared/lib/announce';
import { useNow } from '@/shared/lib/clock';
import { text } from '@/shared/text';

import { momentBetween } from '../model/countdown';

/** The milliseconds until then by the server's clock, each second; told to who listens at a few moments. */
export function useTimeLeft(expiresAt: number): number {
  const left = expiresAt - useNow(1000);
  const before = useRef(left);
  useEffect(() => {
    const moment = momentBetween(before.current, left);
    before.current = left;
    if (moment === undefined) return;
    const seconds = Math.round(moment / 1000);
    announce(text.seats.said.left(Math.floor(seconds / 60), seconds % 60));
  }, [left]);
  return left;
}

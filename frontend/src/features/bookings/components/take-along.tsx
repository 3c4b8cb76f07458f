import type { UseMutationResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

interface TakeAlongProps {
  /** Fetches the calendar's file. */
  calendar: UseMutationResult<void, Error, void>;
  /** More ways. */
  children?: ReactNode;
}

/** A ticket into the calendar and onto paper. */
export function TakeAlong({ calendar, children }: TakeAlongProps) {
  const words = text.bookings.ticket;
  return (
    <div className="flex flex-col gap-4 print:hidden">
      <div className="flex flex-wrap gap-3">
        <Button look="secondary" busy={calendar.isPending} onClick={() => calendar.mutate()}>
          {words.calendar}
        </Button>
        <Button look="secondary" onClick={() => print()}>
          {words.print}
        </Button>
        {children}
      </div>
      {calendar.isError && <Notice tone="bad">{sentenceFor(calendar.error)}</Notice>}
    </div>
  );
}

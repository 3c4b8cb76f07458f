import { useState } from 'react';

import { useCancelBooking, type Booking } from '@/api/bookings';
import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { ConfirmDialog } from '@/shared/components/confirm-dialog';
import { announce } from '@/shared/lib/announce';
import { useNow } from '@/shared/lib/clock';
import { formatDate, formatMoney, formatTime } from '@/shared/lib/format';
import { text } from '@/shared/text';

import { cancellableUntil } from '../lib/cancellation-deadline';

/** Cancels a confirmed booking of one's own. */
export function CancelBooking({ booking }: { booking: Booking }) {
  const cancel = useCancelBooking();
  return (
    <CancelQuestion
      booking={booking}
      cancel={cancel}
      onConfirm={(onSuccess) => cancel.mutate(booking.id, { onSuccess })}
    />
  );
}

interface CancelQuestionProps {
  booking: Booking;
  /** How it goes. */
  cancel: Pick<ReturnType<typeof useCancelBooking>, 'isPending' | 'error'>;
  onConfirm: (onSuccess: () => void) => void;
}

/** Says until when a booking can be cancelled, and asks before it is: what is refunded. */
export function CancelQuestion({ booking, cancel, onConfirm }: CancelQuestionProps) {
  const [open, setOpen] = useState(false);
  const now = useNow(15_000);
  const words = text.bookings.cancel;
  const { time_zone: timeZone } = booking.theater;
  if (booking.cancellable_until === null) return null;
  const until = cancellableUntil(booking.cancellable_until);
  const left = booking.refundable_amount ?? 0;
  const amount = left > 0 ? formatMoney(left, booking.currency) : undefined;
  const promise = left > 0 && left === booking.total ? words.full : words.rest(amount);
  const time = Number.isFinite(until)
    ? `${formatDate(until, timeZone)}, ${formatTime(until, timeZone)}`
    : undefined;
  if (time !== undefined && now > until) return <p className="text-muted print:hidden">{words.over(time)}</p>;
  return (
    <div className="print:hidden">
      <p className="mb-3 text-muted">{words.until(time, promise)}</p>
      <Button look="secondary" onClick={() => setOpen(true)}>
        {words.open}
      </Button>
      <ConfirmDialog
        title={words.title}
        open={open}
        confirm={words.confirm(amount)}
        keep={words.keep}
        busy={cancel.isPending}
        problem={cancel.error ? sentenceFor(cancel.error) : undefined}
        onConfirm={() => onConfirm(() => announce(words.done))}
        onClose={() => setOpen(false)}
      >
        <p>{words.gives(amount)}</p>
      </ConfirmDialog>
    </div>
  );
}

import { useState } from 'react';

import { useCancelBooking } from '@/api/bookings';
import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { ConfirmDialog } from '@/shared/components/confirm-dialog';
import { text } from '@/shared/text';

interface ReleaseSeatsProps {
  bookingId: string;
  /** While a card is being charged. */
  disabled: boolean;
}

/** The way out of a checkout, after a question that says what it means. */
export function ReleaseSeats({ bookingId, disabled }: ReleaseSeatsProps) {
  const [open, setOpen] = useState(false);
  const cancel = useCancelBooking();
  const words = text.checkout.release;
  return (
    <>
      <Button look="quiet" className="-ml-3 self-start" disabled={disabled} onClick={() => setOpen(true)}>
        {words.open}
      </Button>
      <ConfirmDialog
        title={words.title}
        open={open}
        confirm={words.confirm}
        keep={words.keep}
        busy={cancel.isPending}
        problem={cancel.isError ? sentenceFor(cancel.error) : undefined}
        onConfirm={() => cancel.mutate(bookingId)}
        onClose={() => setOpen(false)}
      >
        <p>{words.sentence}</p>
      </ConfirmDialog>
    </>
  );
}

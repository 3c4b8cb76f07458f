import { isApiError, sentenceFor } from '@/api/errors';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

/** A booking that cannot be shown, and a way on. */
export function BookingError({ error, onTryAgain }: { error: Error; onTryAgain: () => void }) {
  const unknown = isApiError(error, 'unknown_booking');
  return (
    <Notice
      tone="bad"
      action={
        unknown ? (
          <ButtonLink look="secondary" to={paths.bookings()}>
            {text.bookings.title}
          </ButtonLink>
        ) : (
          <Button look="secondary" onClick={onTryAgain}>
            {text.common.tryAgain}
          </Button>
        )
      }
    >
      {sentenceFor(error)}
    </Notice>
  );
}

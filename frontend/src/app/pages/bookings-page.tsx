import { useInfiniteQuery } from '@tanstack/react-query';

import { bookingsQuery } from '@/api/bookings';
import { sentenceFor } from '@/api/errors';
import { useGuest } from '@/api/session';
import { CreateAccount } from '@/features/account/components/create-account';
import { BookingList } from '@/features/bookings/components/booking-list';
import { sortBookings } from '@/features/bookings/lib/booking-status';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { Skeleton } from '@/shared/components/skeleton';
import { useNow } from '@/shared/lib/clock';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function BookingsPage() {
  const {
    data,
    error,
    refetch,
    isFetching,
    hasNextPage,
    fetchNextPage,
    isFetchingNextPage,
    isFetchNextPageError,
  } = useInfiniteQuery(bookingsQuery);
  const now = useNow(10_000);
  const { title, empty, sections, showMore } = text.bookings;
  if (!data && error) {
    return (
      <Page title={title}>
        <Notice
          tone="bad"
          action={
            <Button look="secondary" busy={isFetching} onClick={() => void refetch()}>
              {text.common.tryAgain}
            </Button>
          }
        >
          {sentenceFor(error)}
        </Notice>
      </Page>
    );
  }
  if (!data) {
    return (
      <Page title={title}>
        <div role="status" className="grid gap-4 lg:grid-cols-2">
          <span className="sr-only">{text.common.loading}</span>
          <Skeleton className="h-44" />
          <Skeleton className="h-44" />
        </div>
      </Page>
    );
  }
  if (data.length === 0) {
    return (
      <Page title={title}>
        <p className="font-display text-2xl">{empty.title}</p>
        <p className="mt-2 mb-6 text-muted">{empty.sentence}</p>
        <ButtonLink to={paths.films()}>{text.common.toFilms}</ButtonLink>
        <ForGuests />
      </Page>
    );
  }
  const { upcoming, past } = sortBookings(data, now);
  return (
    <Page title={title}>
      <BookingList title={sections.upcoming} bookings={upcoming} now={now} />
      <BookingList title={sections.past} bookings={past} now={now} />
      {hasNextPage && (
        <div className="mt-8 flex flex-col items-start gap-4">
          {isFetchNextPageError && <Notice tone="bad">{sentenceFor(error)}</Notice>}
          <Button look="secondary" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {showMore}
          </Button>
        </div>
      )}
      <ForGuests />
    </Page>
  );
}

/** The offer of an account, and the way to what is kept about who has none. */
function ForGuests() {
  const guest = useGuest();
  return (
    <div className="mt-10 flex max-w-lg flex-col items-stretch gap-5 empty:hidden">
      <CreateAccount />
      {guest && (
        <ButtonLink look="quiet" className="-ml-3 self-start" to={paths.account()}>
          {text.account.guest.toDetails}
        </ButtonLink>
      )}
    </div>
  );
}

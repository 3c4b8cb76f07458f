import { useQuery } from '@tanstack/react-query';

import { isApiError, sentenceFor } from '@/api/errors';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { QrSvg } from '@/shared/components/qr-svg';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import {
  linkedTicketQuery,
  useCancelByLink,
  useLinkedCalendarFile,
  type TicketLink,
} from '../api/linked-ticket';
import { useShowtimeMoves } from '../api/showtime-moves';
import { isUnderWay } from '../lib/refund-text';
import { useTicketKey } from '../lib/ticket-key';
import { BookingView } from './booking-view';
import { CancelQuestion } from './cancel-booking';
import { TakeAlong } from './take-along';
import { Ticket } from './ticket';

const REFUND_EVERY = 15_000;

/** The ticket that the link of an email leads to: for whoever has it, on any device. */
export function LinkedTicket({ reference }: { reference: string }) {
  const key = useTicketKey(reference);
  const { link: words } = text.bookings;
  if (key === undefined) return <Unopened title={words.lost}>{words.lostSentence}</Unopened>;
  return <Opened key={key} link={{ reference, key }} />;
}

function Opened({ link }: { link: TicketLink }) {
  const { data, error, refetch } = useQuery({
    ...linkedTicketQuery(link),
    refetchInterval: ({ state }) => (state.data?.booking.refunds.some(isUnderWay) ? REFUND_EVERY : false),
  });
  const cancel = useCancelByLink(link);
  const calendar = useLinkedCalendarFile(link);
  useShowtimeMoves(data?.booking);
  const { link: words, ticket: ticketWords, ticketTitle } = text.bookings;
  if (data) {
    const { booking, ticket, cancellable } = data;
    return (
      <BookingView
        booking={booking}
        ticket={
          <Ticket
            booking={booking}
            code={ticket && <QrSvg label={ticketWords.qr(booking.reference)} qr={ticket.qr} />}
            actions={<TakeAlong calendar={calendar} />}
          />
        }
        cancel={
          cancellable && (
            <CancelQuestion
              booking={booking}
              cancel={cancel}
              onConfirm={(onSuccess) => cancel.mutate(undefined, { onSuccess })}
            />
          )
        }
      />
    );
  }
  if (!error) return <PageSkeleton />;
  if (isApiError(error, 'link_expired'))
    return <Unopened title={words.expired}>{words.expiredSentence}</Unopened>;
  return (
    <Page title={ticketTitle} width="narrow">
      <Notice
        tone="bad"
        action={
          <Button look="secondary" onClick={() => void refetch()}>
            {text.common.tryAgain}
          </Button>
        }
      >
        {sentenceFor(error)}
      </Notice>
    </Page>
  );
}

/** A link that opens nothing, and the way to one's own tickets. */
function Unopened({ title, children }: { title: string; children: string }) {
  const { ticketTitle, title: bookings } = text.bookings;
  return (
    <Page title={ticketTitle} width="narrow">
      <Notice tone="warn" title={title} action={<ButtonLink to={paths.bookings()}>{bookings}</ButtonLink>}>
        {children}
      </Notice>
    </Page>
  );
}

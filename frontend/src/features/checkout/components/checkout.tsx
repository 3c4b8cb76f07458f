import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Navigate } from 'react-router';

import { bookingQuery, type Booking } from '@/api/bookings';
import { isApiError } from '@/api/errors';
import { useGuest, type Guest } from '@/api/session';
import { ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { serverNow, useNow } from '@/shared/lib/clock';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useIntent, useIntentCache } from '../api/intent';
import { useBookingUpdates } from '../api/booking-updates';
import type { Intent } from '../api/payment-intent';
import { checkoutView, refetchInterval } from '../lib/checkout-view';
import { PayPanel } from './pay-panel';
import { Waiting } from './waiting';

/** What is asked of a guest before there is anything to pay with. */
interface ContactStep {
  guest: Guest;
  /** It is not known, or not enough. */
  asked: boolean;
  /** A card is being charged at this moment. */
  disabled: boolean;
  onSaved: () => void;
}

interface CheckoutProps {
  booking: Booking;
  /** Where the tickets of a guest go. */
  contact: (step: ContactStep) => ReactNode;
  /** How the money stands that goes back. */
  refunds: ReactNode;
}

/** From the card form to the ticket, whatever happens on the way. A reload comes back to the same place. */
export function Checkout({ booking, contact, refunds }: CheckoutProps) {
  const guest = useGuest();
  const [paying, setPaying] = useState(false);
  const queryClient = useQueryClient();
  const now = useNow();
  const left = Date.parse(booking.expires_at) - now;
  const payable = booking.status === 'pending' && left > 0;
  const lacksContact = guest !== null && (guest.email === null || guest.full_name === null);
  const intent = useIntent(booking, payable && !lacksContact);
  const { setIntent, refetchIntent, restartIntent } = useIntentCache(booking.id);
  const asksContact = lacksContact || (guest !== null && isApiError(intent.error, 'contact_required'));
  const view = checkoutView({ booking, intent: intent.data?.status, paying, now });
  const moneyMayCome = booking.payments.some(
    ({ status, payment_intent_id: id }) => status === 'open' && id !== null,
  );
  const { queryKey } = bookingQuery(booking.id);
  useBookingUpdates(booking.id, booking.showtime.id);
  useQuery({ ...bookingQuery(booking.id), refetchInterval: refetchInterval(view, moneyMayCome) });

  const take = (next: Intent) => {
    setIntent(next);
    void queryClient.invalidateQueries({ queryKey });
  };
  const look = () => {
    void refetchIntent();
    void queryClient.invalidateQueries({ queryKey });
  };

  /** What was refused for want of a name or an address is not any more. */
  const tryAgain = () => {
    if (intent.isError) void restartIntent();
  };

  const { views } = text.checkout;
  const onSale =
    booking.showtime.status === 'scheduled' && Date.parse(booking.showtime.starts_at) > serverNow();
  const wayBack = onSale ? (
    <ButtonLink to={paths.showtime(booking.showtime.id)}>{text.checkout.toSeats}</ButtonLink>
  ) : (
    <ButtonLink to={paths.films()}>{text.common.toFilms}</ButtonLink>
  );
  switch (view) {
    case 'ticket':
      return <Navigate replace to={paths.booking(booking.id)} />;
    case 'pay':
      return (
        <PayPanel
          booking={booking}
          contact={guest && contact({ guest, asked: asksContact, disabled: paying, onSaved: tryAgain })}
          asksContact={asksContact}
          left={left}
          paying={paying}
          intent={intent.data}
          error={intent.error}
          onPaying={setPaying}
          onIntent={take}
          onUnclear={look}
        />
      );
    case 'booking':
      return <Waiting {...views.booking} />;
    case 'processing':
      return <Waiting {...views.processing} />;
    case 'late':
      return <Waiting {...(booking.status === 'cancelled' ? views.lateReleased : views.late)} />;
    case 'returned':
      return (
        <div className="flex flex-col items-start gap-5">
          <p className="text-lg font-semibold">{views.returned.title}</p>
          {refunds}
          {wayBack}
        </div>
      );
    case 'given-up':
      return (
        <Notice title={views.released.title} action={wayBack}>
          {views.released.sentence}
        </Notice>
      );
    case 'time-over':
      return (
        <div role="status">
          <Notice tone="warn" title={views.timeOver.title} action={wayBack}>
            <p>{views.timeOver.sentence}</p>
            {moneyMayCome && <p className="mt-1">{views.timeOver.moneyMayCome}</p>}
          </Notice>
        </div>
      );
  }
}

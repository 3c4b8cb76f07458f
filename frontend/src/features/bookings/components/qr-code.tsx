import { Notice } from '@/shared/components/notice';
import { QrSvg } from '@/shared/components/qr-svg';
import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

import { useTicket } from '../api/ticket';

/** What the door reads. */
export function QrCode({ bookingId, reference }: { bookingId: string; reference: string }) {
  const ticket = useTicket(bookingId);
  const words = text.bookings.ticket;
  if (ticket.isError) return <Notice tone="warn">{words.failed}</Notice>;
  if (!ticket.data) return <Skeleton className="aspect-square w-full" />;
  return <QrSvg label={words.qr(reference)} qr={ticket.data.qr} />;
}

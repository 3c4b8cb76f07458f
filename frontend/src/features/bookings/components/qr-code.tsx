import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

import { useTicket } from '../api/ticket';

/** Black on white in the dark, too: doors read nothing else. */
export function QrCode({ bookingId, reference }: { bookingId: string; reference: string }) {
  const ticket = useTicket(bookingId);
  const words = text.bookings.ticket;
  if (ticket.isError) return <Notice tone="warn">{words.failed}</Notice>;
  if (!ticket.data) return <Skeleton className="aspect-square w-full" />;
  const { size, path } = ticket.data.qr;
  return (
    <svg
      role="img"
      aria-label={words.qr(reference)}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="aspect-square w-full rounded-lg"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

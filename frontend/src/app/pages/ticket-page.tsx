import { useParams } from 'react-router';

import { LinkedTicket } from '@/features/bookings/components/linked-ticket';
import { NoIndex } from '@/shared/components/no-index';

export default function TicketPage() {
  const { reference = '' } = useParams();
  return (
    <>
      <NoIndex />
      <LinkedTicket key={reference} reference={reference} />
    </>
  );
}

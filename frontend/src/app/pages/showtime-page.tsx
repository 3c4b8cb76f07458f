import { useParams } from 'react-router';

import { ShowtimeSeats } from '@/features/seats/components/showtime-seats';

export default function ShowtimePage() {
  const { id = '' } = useParams();
  return <ShowtimeSeats showtimeId={/^[1-9]\d{0,14}$/.test(id) ? Number(id) : undefined} />;
}

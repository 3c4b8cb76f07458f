/** What my_booking answers of two seats that wait for their payment. */
export const BOOKING = {
  id: '0b7c1c1e-0000-4000-8000-000000000007',
  reference: 'ABCD2345',
  status: 'pending',
  total: 2400,
  currency: 'EUR',
  expires_at: '2026-12-01T10:10:00Z',
  confirmed_at: null,
  seats: [5, 6].map((number) => ({ seat_id: number, row: 'C', number, kind: 'standard', price: 1200 })),
  refunds: [],
  showtime: {
    id: 42,
    starts_at: '2026-12-02T19:00:00Z',
    ends_at: '2026-12-02T21:00:00Z',
    status: 'scheduled',
  },
  movie: { title: 'Nosferatu' },
  theater: { name: 'Scala', address: 'Ring 1', city: 'Wien', time_zone: 'Europe/Vienna' },
  auditorium: 'Saal 1',
  server_time: '2026-12-01T10:00:00Z',
  cancellable_until: null,
  moved_from: null,
  refundable_amount: null,
  payments: [],
  disputes: [],
};

/** The same, paid. */
export const TICKET = {
  ...BOOKING,
  status: 'confirmed',
  confirmed_at: '2026-12-01T10:01:00Z',
  cancellable_until: '2026-12-02T18:00:00Z',
  refundable_amount: 2400,
};

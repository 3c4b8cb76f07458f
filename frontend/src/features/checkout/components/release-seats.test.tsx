import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { createQueryClient } from '@/api/query-client';
import { fakeFlask, refusal } from '@/test/flask';

import { ReleaseSeats } from './release-seats';

const CANCEL = '/rest/v1/rpc/cancel_booking';
const GUEST = { '/api/auth/refresh': () => ({ status: 204 }) };

function show() {
  render(
    <QueryClientProvider client={createQueryClient()}>
      <ReleaseSeats bookingId="b7" disabled={false} />
    </QueryClientProvider>,
  );
  return userEvent.click(screen.getByRole('button', { name: 'Release these seats' }));
}

test('nothing is released before it is confirmed', async () => {
  const asked = fakeFlask({});
  await show();
  expect(screen.getByRole('dialog', { name: 'Release these seats?' })).toHaveTextContent(
    /Others can book them/,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Keep my seats' }));
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(asked.filter(({ path }) => path === CANCEL)).toEqual([]);
});

test('what is confirmed is done', async () => {
  const asked = fakeFlask({
    ...GUEST,
    [CANCEL]: () => ({ status: 200, body: { id: 'b7', showtime_id: 7 } }),
  });
  await show();
  await userEvent.click(screen.getByRole('button', { name: 'Yes, release them' }));
  expect(asked.filter(({ path }) => path === CANCEL).map(({ body }) => body)).toEqual([{ booking_id: 'b7' }]);
});

test('a refusal is shown in the dialog', async () => {
  fakeFlask({ ...GUEST, [CANCEL]: () => refusal(409, 'not_cancellable') });
  await show();
  await userEvent.click(screen.getByRole('button', { name: 'Yes, release them' }));
  expect(await screen.findByText('This booking can no longer be cancelled.')).toBeVisible();
});

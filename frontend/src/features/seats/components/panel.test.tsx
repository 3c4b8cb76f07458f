import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';

import { announcement } from '@/shared/lib/announce';
import { serverNow } from '@/shared/lib/clock';

import type { Seat } from '../model/seat';
import { Panel } from './panel';
import { TimeLeft } from './time-left';

const CHOSEN: Seat[] = [
  { id: 1, row: 'F', number: 7, x: 1, y: 1, kind: 'premium', price: 1500 },
  { id: 2, row: 'F', number: 8, x: 2, y: 1, kind: 'standard', price: 1150 },
];

function show(chosen: Seat[], pending = false) {
  const [onRelease, onContinue] = [vi.fn(), vi.fn()];
  render(
    <Panel
      chosen={chosen}
      currency="EUR"
      expiresAt={undefined}
      pending={pending}
      continuing={false}
      onRelease={onRelease}
      onContinue={onContinue}
    />,
  );
  return { onRelease, onContinue };
}

test('the seats, their sum, and three things to do with them', async () => {
  const { onRelease, onContinue } = show(CHOSEN);
  expect(screen.getByText('Premium')).toBeInTheDocument();
  expect(screen.getByText('€26.50')).toBeInTheDocument();
  await userEvent.click(screen.getByRole('button', { name: 'Remove F8' }));
  await userEvent.click(screen.getByRole('button', { name: 'Clear selection' }));
  expect(onRelease.mock.calls).toEqual([[[CHOSEN[1]]], [CHOSEN]]);
  await userEvent.click(screen.getByRole('button', { name: 'Continue to payment' }));
  expect(onContinue).toHaveBeenCalledOnce();
});

test('seats that are being paid for are not released here', () => {
  show(CHOSEN, true);
  expect(screen.queryByRole('button', { name: /Remove|Clear|Continue/ })).toBeNull();
});

test('nothing chosen says what to do', () => {
  show([]);
  expect(screen.getByText(/^Choose a seat on the map/)).toBeVisible();
});

test('the time runs, and is announced two minutes before its end and not each second', () => {
  vi.useFakeTimers({ now: serverNow() });
  render(<TimeLeft expiresAt={serverNow() + 123_000} />);
  const before = announcement.get();
  expect(screen.getByRole('timer')).toHaveTextContent('2:03');
  act(() => void vi.advanceTimersByTime(2000));
  expect(announcement.get()).toBe(before);
  act(() => void vi.advanceTimersByTime(1000));
  expect(screen.getByRole('timer')).toHaveTextContent('2:00');
  expect(announcement.get()).toBe('Your seats are held for 2 more minutes.');
  vi.useRealTimers();
});

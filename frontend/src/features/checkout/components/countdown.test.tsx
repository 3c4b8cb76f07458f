import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { announcement } from '@/shared/lib/announce';

import { Countdown } from './countdown';

test('the time left is announced two minutes before the end, and not each second', () => {
  const { rerender } = render(<Countdown left={121_000} />);
  const before = announcement.get();
  rerender(<Countdown left={120_000} />);
  expect(screen.getByRole('timer')).toHaveTextContent('2:00');
  expect(announcement.get()).toBe('You have 2 minutes left to pay.');
  rerender(<Countdown left={119_000} />);
  expect(announcement.get()).toBe('You have 2 minutes left to pay.');
  rerender(<Countdown left={60_000} />);
  expect(announcement.get()).toBe('You have 1 minute left to pay.');
  expect(before).toBe('');
});

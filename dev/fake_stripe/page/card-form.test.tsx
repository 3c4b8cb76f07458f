import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';

import type { Intent } from '@/features/checkout/api/payment-intent';

import { CardForm } from './card-form';

const BASE = 'https://stripe.test';
const INTENT: Intent = { id: 'pi_1', clientSecret: 'pi_1_secret_x', status: 'requires_payment_method' };

/** Declines the number that ends in 0002 and takes every other one. */
function fakeStripe() {
  const asked: { address: string; form: URLSearchParams }[] = [];
  vi.stubGlobal('fetch', (address: string, { body }: { body: URLSearchParams }) => {
    asked.push({ address, form: body });
    const declined = body.get('payment_method_data[card][number]')?.endsWith('0002');
    return Promise.resolve(
      declined
        ? Response.json(
            { error: { code: 'card_declined', decline_code: 'insufficient_funds' } },
            { status: 402 },
          )
        : Response.json({ id: 'pi_1', client_secret: 'pi_1_secret_x', status: 'succeeded' }),
    );
  });
  return asked;
}

function renderForm() {
  const handlers = { onPaying: vi.fn(), onIntent: vi.fn(), onUnclear: vi.fn() };
  render(<CardForm base={BASE} intent={INTENT} amount="€24.00" {...handlers} />);
  return handlers;
}

const press = (name: string) => userEvent.click(screen.getByRole('button', { name }));

test('a declined card is said, the form stays, and another card pays', async () => {
  const asked = fakeStripe();
  const { onIntent, onUnclear } = renderForm();
  await press('Declined');
  await press('Pay €24.00');
  expect(await screen.findByRole('alert')).toHaveTextContent('This card has insufficient funds.');
  expect(onIntent).not.toHaveBeenCalled();
  await press('Succeeds');
  await press('Pay €24.00');
  await waitFor(() =>
    expect(onIntent).toHaveBeenCalledWith(expect.objectContaining({ status: 'succeeded' })),
  );
  expect(screen.queryByRole('alert')).toBeNull();
  expect(onUnclear).not.toHaveBeenCalled();
  expect(asked.map(({ address }) => address)).toEqual(
    Array(2).fill(`${BASE}/v1/payment_intents/pi_1/confirm`),
  );
  expect(asked[1]?.form.get('client_secret')).toBe('pi_1_secret_x');
});

test('nothing is sent while the card is wrong', async () => {
  const asked = fakeStripe();
  renderForm();
  await press('Pay €24.00');
  await waitFor(() =>
    expect(screen.getByLabelText('Card number')).toHaveAccessibleDescription('Enter the card number.'),
  );
  expect(screen.getByLabelText('Card number')).toHaveFocus();
  expect(asked).toEqual([]);
});

test('an attempt that nobody answered is asked about, not called declined', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
  const { onUnclear } = renderForm();
  await press('Succeeds');
  await press('Pay €24.00');
  await waitFor(() => expect(onUnclear).toHaveBeenCalledOnce());
  expect(screen.getByRole('alert')).not.toHaveTextContent('You have not been charged');
});

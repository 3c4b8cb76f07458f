import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Intent } from '../api/payment-intent';

const load = vi.hoisted(() => vi.fn());
vi.mock('@stripe/stripe-js/pure', () => ({ loadStripe: load }));

const INTENT: Intent = { id: 'pi_1', clientSecret: 'pi_1_secret_x', status: 'requires_payment_method' };
const SUCCEEDED = { paymentIntent: { id: 'pi_1', status: 'succeeded' } };

type Handler = (event: unknown) => void;

/** As much of Stripe.js as its React components ask for. */
function fakeStripe() {
  const handlers = new Map<string, Handler>();
  const element = {
    mount: vi.fn(),
    destroy: vi.fn(),
    update: vi.fn(),
    on: (event: string, handler: Handler) => handlers.set(event, handler),
    off: (event: string) => handlers.delete(event),
  };
  const elements = {
    create: vi.fn<(type: string) => typeof element>(() => element),
    getElement: () => null,
    update: vi.fn(),
    submit: vi.fn(),
  };
  const stripe = {
    elements: vi.fn<(options: unknown) => typeof elements>(() => elements),
    createToken: vi.fn(),
    createPaymentMethod: vi.fn(),
    confirmCardPayment: vi.fn(),
    confirmPayment: vi.fn<(options: unknown) => Promise<unknown>>(() => Promise.resolve(SUCCEEDED)),
    _registerWrapper: vi.fn(),
    registerAppInfo: vi.fn(),
  };
  const emit = (event: string, payload: unknown = {}) => act(() => handlers.get(event)?.(payload));
  return { stripe, elements, element, emit };
}

let fake: ReturnType<typeof fakeStripe>;

beforeEach(() => {
  // The page keeps the Stripe.js that it has loaded.
  vi.resetModules();
  fake = fakeStripe();
  load.mockReset().mockResolvedValue(fake.stripe);
});

async function open(intent = INTENT) {
  const { default: StripeForm } = await import('./stripe-form');
  const handlers = { onPaying: vi.fn(), onIntent: vi.fn(), onUnclear: vi.fn() };
  const { unmount } = render(<StripeForm intent={intent} amount="€24.00" {...handlers} />);
  return { ...handlers, unmount };
}

async function openReady(intent = INTENT) {
  const opened = await open(intent);
  await waitFor(() => expect(fake.element.mount).toHaveBeenCalledOnce());
  fake.emit('ready');
  return opened;
}

const button = () => screen.getByRole('button', { name: /^(Pay €24\.00|Paying …)$/ });

test('the element is mounted for the intent, and nothing can be paid before it is ready', async () => {
  const { unmount } = await open();
  await waitFor(() => expect(fake.element.mount).toHaveBeenCalledOnce());
  expect(load).toHaveBeenCalledExactlyOnceWith('pk_test_frontrow');
  expect(fake.stripe.elements).toHaveBeenCalledWith(
    expect.objectContaining({ clientSecret: 'pi_1_secret_x', appearance: { theme: 'stripe' } }),
  );
  expect(fake.elements.create).toHaveBeenCalledExactlyOnceWith('payment', expect.anything());
  expect(button()).toBeDisabled();
  fake.emit('ready');
  expect(button()).toBeEnabled();
  unmount();
  expect(fake.element.destroy).toHaveBeenCalledOnce();
});

test('a payment is confirmed with the way back to this page, and its outcome passed on', async () => {
  const { onIntent, onPaying, onUnclear } = await openReady();
  await userEvent.click(button());
  await waitFor(() =>
    expect(onIntent).toHaveBeenCalledExactlyOnceWith({
      id: 'pi_1',
      clientSecret: 'pi_1_secret_x',
      status: 'succeeded',
    }),
  );
  expect(fake.stripe.confirmPayment).toHaveBeenCalledExactlyOnceWith({
    elements: expect.anything() as unknown,
    confirmParams: { return_url: location.origin + location.pathname },
    redirect: 'if_required',
  });
  expect(onPaying.mock.calls).toEqual([[true], [false]]);
  expect(onUnclear).not.toHaveBeenCalled();
});

test('a double click confirms once', async () => {
  let answer: (answered: unknown) => void = () => undefined;
  fake.stripe.confirmPayment.mockReturnValue(new Promise((resolve) => (answer = resolve)));
  const { onIntent } = await openReady();
  const pay = button();
  act(() => {
    pay.click();
    pay.click();
  });
  await userEvent.click(button());
  answer(SUCCEEDED);
  await waitFor(() => expect(onIntent).toHaveBeenCalledOnce());
  expect(fake.stripe.confirmPayment).toHaveBeenCalledOnce();
});

test('a decline is shown, and another attempt can follow', async () => {
  fake.stripe.confirmPayment.mockResolvedValueOnce({
    error: { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds' },
  });
  const { onIntent, onUnclear } = await openReady();
  await userEvent.click(button());
  expect(await screen.findByRole('alert')).toHaveTextContent(
    'Payment declinedThis card has insufficient funds. Please try another one.You have not been charged.',
  );
  expect(onUnclear).not.toHaveBeenCalled();
  await userEvent.click(button());
  await waitFor(() => expect(onIntent).toHaveBeenCalledOnce());
  expect(screen.queryByRole('alert')).toBeNull();
});

test('what is missing in the element is said by the element', async () => {
  fake.stripe.confirmPayment.mockResolvedValue({ error: { type: 'validation_error' } });
  const { onIntent, onUnclear, onPaying } = await openReady();
  await userEvent.click(button());
  await waitFor(() => expect(onPaying).toHaveBeenLastCalledWith(false));
  expect(screen.queryByRole('alert')).toBeNull();
  expect([onIntent.mock.calls, onUnclear.mock.calls]).toEqual([[], []]);
});

test.each(['api_connection_error', 'api_error'])(
  'after %s nobody is told that nothing was charged',
  async (type) => {
    fake.stripe.confirmPayment.mockResolvedValue({ error: { type, message: 'x' } });
    const { onUnclear } = await openReady();
    await userEvent.click(button());
    await waitFor(() => expect(onUnclear).toHaveBeenCalledOnce());
    expect(screen.getByRole('alert')).toHaveTextContent(/^We could not confirm whether/);
    expect(screen.getByRole('alert')).not.toHaveTextContent('You have not been charged');
  },
);

test('the last failure is still shown after a reload', async () => {
  await openReady({ ...INTENT, failure: { code: 'card_declined', decline_code: 'expired_card' } });
  expect(screen.getByRole('alert')).toHaveTextContent('This card has expired.');
});

test('Stripe.js that cannot be fetched can be asked for again', async () => {
  load.mockRejectedValueOnce(new Error('Failed to load Stripe.js'));
  await open();
  expect(await screen.findByRole('alert')).toHaveTextContent('The payment form could not be loaded.');
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(fake.element.mount).toHaveBeenCalledOnce());
  expect(load).toHaveBeenCalledTimes(2);
  expect(screen.queryByRole('alert')).toBeNull();
});

test('an element that does not load can be asked for again', async () => {
  await open();
  await waitFor(() => expect(fake.element.mount).toHaveBeenCalledOnce());
  fake.emit('loaderror', { error: { type: 'api_error' } });
  expect(screen.getByRole('alert')).toHaveTextContent('The payment form could not be loaded.');
  expect(screen.queryByRole('button', { name: /^Pay/ })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(fake.element.mount).toHaveBeenCalledTimes(2));
});

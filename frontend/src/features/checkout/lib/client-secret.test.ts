import { beforeEach, expect, test, vi } from 'vitest';

import { keepSecret, keptSecret, takeSecretFromAddress } from './client-secret';

const CHECKOUT = '/checkout/b7';
const FROM_THE_BANK =
  'payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_x&redirect_status=succeeded';

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState(null, '', '/');
});

const here = () => location.pathname + location.search + location.hash;

test('what Stripe added leaves the address, and the secret is kept', () => {
  history.replaceState({ of: 'the router' }, '', `${CHECKOUT}?${FROM_THE_BANK}`);
  const entries = history.length;
  takeSecretFromAddress();
  expect(here()).toBe(CHECKOUT);
  expect([history.length, history.state]).toEqual([entries, { of: 'the router' }]);
  expect(keptSecret(['pi_0', null, 'pi_1'])).toBe('pi_1_secret_x');
});

test('what else the address says stays in it', () => {
  history.replaceState(null, '', `${CHECKOUT}?lang=de&${FROM_THE_BANK}#top`);
  takeSecretFromAddress();
  expect(here()).toBe(`${CHECKOUT}?lang=de#top`);
});

test('an address without a secret is left alone', () => {
  const replace = vi.spyOn(history, 'replaceState');
  for (const search of ['', '?payment_intent=pi_1', '?day=2026-12-02']) {
    history.replaceState(null, '', `${CHECKOUT}${search}`);
    replace.mockClear();
    takeSecretFromAddress();
    expect(replace).not.toHaveBeenCalled();
    expect(here()).toBe(`${CHECKOUT}${search}`);
  }
});

test.each(['', 'x', 'pi_1', 'seti_1_secret_x', 'pi_1_secret_x y', '__proto___secret_x'])(
  'what is no secret (%j) leaves the address, and is not kept',
  (secret) => {
    history.replaceState(
      null,
      '',
      `${CHECKOUT}?${new URLSearchParams({ payment_intent_client_secret: secret })}`,
    );
    takeSecretFromAddress();
    expect(here()).toBe(CHECKOUT);
    expect(sessionStorage).toHaveLength(0);
  },
);

test('the secret of a payment of another booking is none of this one’s', () => {
  keepSecret('pi_2_secret_y');
  expect(keptSecret(['pi_1', null])).toBeUndefined();
  expect(keptSecret([])).toBeUndefined();
});

test('where storage is forbidden the secret leaves the address all the same', () => {
  const forbidden = () => {
    throw new DOMException('no', 'SecurityError');
  };
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(forbidden);
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(forbidden);
  history.replaceState(null, '', `${CHECKOUT}?${FROM_THE_BANK}`);
  takeSecretFromAddress();
  expect(here()).toBe(CHECKOUT);
  expect(keptSecret(['pi_1'])).toBeUndefined();
});

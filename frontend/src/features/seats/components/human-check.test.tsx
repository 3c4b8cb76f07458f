import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';

import type { WidgetOptions } from '../api/human-check';

const HUMAN = '/api/auth/human';

let rendered: WidgetOptions[];
let widget: {
  render: (place: HTMLElement, options: WidgetOptions) => string;
  reset: unknown;
  remove: unknown;
};

beforeEach(() => {
  // The page keeps the widget that it has loaded, and reads its settings once.
  vi.resetModules();
  vi.stubEnv('VITE_HUMAN_CHECK', 'turnstile');
  vi.stubEnv('VITE_HUMAN_CHECK_SITE_KEY', 'site-key');
  rendered = [];
  widget = {
    render: (_place, options) => `widget-${rendered.push(options)}`,
    reset: vi.fn(),
    remove: vi.fn(),
  };
});
afterEach(() => {
  scripts().forEach((script) => script.remove());
  delete window.turnstile;
});

const scripts = () => [...document.head.querySelectorAll<HTMLScriptElement>('script[src*="onload="]')];

/** As the browser does once the provider's script has run. */
function loads() {
  window.turnstile = widget as never;
  act(() => window.frontrowHumanCheck?.());
}

async function open(answers: Parameters<typeof fakeFlask>[0] = {}) {
  const asked: Asked[] = fakeFlask({
    [HUMAN]: () => ({ status: 200, body: signedIn('proven') }),
    ...answers,
  });
  const { session } = await import('@/api/session');
  await session.enter(() => Promise.resolve(signedIn('token')));
  const { HumanCheck } = await import('./human-check');
  const handlers = { onPassed: vi.fn(), onClose: vi.fn() };
  const view = render(<HumanCheck open {...handlers} />);
  return { ...handlers, ...view, asked, session };
}

async function openReady(answers: Parameters<typeof fakeFlask>[0] = {}) {
  const opened = await open(answers);
  loads();
  await waitFor(() => expect(rendered).toHaveLength(1));
  return opened;
}

const solve = (token: string) => act(() => rendered.at(-1)?.callback(token));

test('the script is the provider’s, and is fetched only when somebody is asked', async () => {
  const { HumanCheck } = await import('./human-check');
  const { rerender } = render(<HumanCheck open={false} onPassed={vi.fn()} onClose={vi.fn()} />);
  expect(scripts()).toEqual([]);
  rerender(<HumanCheck open onPassed={vi.fn()} onClose={vi.fn()} />);
  expect(scripts().map(({ src }) => src)).toEqual([
    'https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit&onload=frontrowHumanCheck',
  ]);
});

test('who passes has an access token that says so', async () => {
  const { asked, onPassed, session } = await openReady();
  expect(screen.getByRole('dialog', { name: 'One quick check' })).toBeVisible();
  expect(rendered[0]?.sitekey).toBe('site-key');
  solve('solved');
  await waitFor(() => expect(onPassed).toHaveBeenCalledOnce());
  expect(asked.map(({ path, body, authorization }) => [path, body, authorization])).toEqual([
    [HUMAN, { token: 'solved' }, 'Bearer token'],
  ]);
  await expect(session.accessToken()).resolves.toBe('proven');
});

test('a check that fails is said, and asked once more', async () => {
  let answer = refusal(422, 'human_check_failed');
  const { onPassed } = await openReady({ [HUMAN]: () => answer });
  solve('spent');
  expect(await screen.findByRole('alert')).toHaveTextContent('That check did not succeed. Please try again.');
  expect(widget.reset).toHaveBeenCalledWith('widget-1');
  expect(onPassed).not.toHaveBeenCalled();
  answer = { status: 200, body: signedIn('proven') } as never;
  solve('solved');
  await waitFor(() => expect(onPassed).toHaveBeenCalledOnce());
  expect(screen.queryByRole('alert')).toBeNull();
});

test('a provider that is away is said', async () => {
  await openReady({ [HUMAN]: () => refusal(503, 'human_check_unavailable') });
  solve('solved');
  expect(await screen.findByRole('alert')).toHaveTextContent('The check is unavailable right now.');
});

test('a script that is blocked is said, and fetched again when asked for', async () => {
  await open();
  const [first] = scripts();
  act(() => void first?.dispatchEvent(new Event('error')));
  expect(await screen.findByRole('alert')).toHaveTextContent('The check could not be loaded.');
  expect(scripts()).toEqual([]);
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(scripts()).toHaveLength(1);
  loads();
  await waitFor(() => expect(rendered).toHaveLength(1));
  expect(screen.queryByRole('alert')).toBeNull();
});

test('what the widget reports is said', async () => {
  await openReady();
  act(() => rendered[0]?.['expired-callback']());
  expect(screen.getByRole('alert')).toHaveTextContent('That check expired. Please try again.');
  act(() => rendered[0]?.['error-callback']());
  expect(screen.getByRole('alert')).toHaveTextContent('The check is unavailable right now.');
});

test('a widget is removed with its dialog, and what it says then is not heard', async () => {
  const { unmount, onPassed, onClose } = await openReady();
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(onClose).toHaveBeenCalledOnce();
  unmount();
  expect(widget.remove).toHaveBeenCalledWith('widget-1');
  solve('late');
  await Promise.resolve();
  expect(onPassed).not.toHaveBeenCalled();
});

test('a check of one person does not sign in another', async () => {
  const grace = { ...signedIn('grace'), user: { ...signedIn('').user, id: 'grace' } };
  let other: () => void = () => undefined;
  const { session, onPassed } = await openReady({
    [HUMAN]: async () => {
      await new Promise<void>((resolve) => (other = resolve));
      return { status: 200, body: signedIn('proven') };
    },
  });
  solve('solved');
  await session.enter(() => Promise.resolve(grace));
  other();
  expect(await screen.findByRole('alert')).toBeVisible();
  expect(onPassed).not.toHaveBeenCalled();
  await expect(session.accessToken()).resolves.toBe('grace');
});

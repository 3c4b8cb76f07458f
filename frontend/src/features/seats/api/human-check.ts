import { ApiError } from '@/api/errors';
import { postSignedIn } from '@/api/flask';
import { session, signedInSchema } from '@/api/session';
import { env } from '@/config/env';

/** What Turnstile and hCaptcha have in common. */
export interface Widget {
  render(place: HTMLElement, options: WidgetOptions): string;
  /** Ask again: a token is good once. */
  reset(id: string): void;
  remove(id: string): void;
}

export interface WidgetOptions {
  sitekey: string;
  callback: (token: string) => void;
  'error-callback': () => void;
  'expired-callback': () => void;
}

declare global {
  interface Window {
    turnstile?: Widget;
    hcaptcha?: Widget;
    frontrowHumanCheck?: () => void;
  }
}

const SCRIPTS = {
  turnstile: 'https://challenges.cloudflare.com/turnstile/v0/api.js',
  hcaptcha: 'https://js.hcaptcha.com/1/api.js',
};

/** False where the page was built without a provider, and nobody can pass. */
export const humanCheckIsConfigured = () => env.VITE_HUMAN_CHECK !== undefined;

export const siteKey = () => env.VITE_HUMAN_CHECK_SITE_KEY ?? '';

let widget: Promise<Widget> | undefined;

/** The provider's script, fetched from it when somebody is asked for the first time; anew after a failure. */
export function loadWidget(): Promise<Widget> {
  widget ??= fetchWidget();
  widget.catch(() => (widget = undefined));
  return widget;
}

function fetchWidget(): Promise<Widget> {
  const provider = env.VITE_HUMAN_CHECK;
  return new Promise((resolve, reject) => {
    if (provider === undefined) throw new Error('no provider');
    const script = document.createElement('script');
    script.async = true;
    script.src = `${env.VITE_HUMAN_CHECK_SCRIPT ?? SCRIPTS[provider]}?render=explicit&onload=frontrowHumanCheck`;
    window.frontrowHumanCheck = () => {
      const loaded = window[provider];
      if (loaded) resolve(loaded);
      else reject(new Error('no widget'));
    };
    script.onerror = () => {
      script.remove();
      reject(new Error('no script'));
    };
    document.head.append(script);
  });
}

/** Have the widget's token verified; from then on the access token says that this session passed. Raises ApiError. */
export async function passHumanCheck(token: string): Promise<void> {
  const passed = await postSignedIn('/api/auth/human', signedInSchema, { token });
  await session.enter(() => {
    const now = session.state.get();
    // Another person may have signed in meanwhile, in another tab.
    if (now.status !== 'signed-in' || now.user.id !== passed.user.id)
      return Promise.reject(new ApiError('session_ended'));
    return Promise.resolve(passed);
  });
}

import { lazy, type ComponentType } from 'react';

import type { Intent } from './api/payment-intent';
import { retrieveIntent } from './api/stripe';
import type { PayProps } from './components/pay-props';

/** What `@payment-form` exports: this module in every build but the local stack's (vite.config.ts). */
export interface PaymentFormModule {
  PaymentForm: ComponentType<PayProps>;
  /** How an intent stands where it is paid. */
  retrieveIntent: (clientSecret: string) => Promise<Intent>;
}

/** Stripe's own form. Its code is fetched when a checkout needs it, never before. */
export const PaymentForm: PaymentFormModule['PaymentForm'] = lazy(() => import('./components/stripe-form'));

export { retrieveIntent };

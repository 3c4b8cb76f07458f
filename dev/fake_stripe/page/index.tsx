import type { PaymentFormModule } from '@/features/checkout/payment-form';
import { env } from '@/config/env';

import { retrieveIntent as retrieve } from './api';
import { CardForm } from './card-form';

/** The local stack's payment form, in place of Stripe's own: `@payment-form` where VITE_STRIPE_API_BASE is on this machine. */
const base = env.VITE_STRIPE_API_BASE ?? '';

export const PaymentForm: PaymentFormModule['PaymentForm'] = (props) => <CardForm base={base} {...props} />;

export const retrieveIntent: PaymentFormModule['retrieveIntent'] = (clientSecret) =>
  retrieve(base, clientSecret);

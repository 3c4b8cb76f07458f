import { Elements, PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js';
import { useState, type SubmitEvent } from 'react';

import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { useTheme } from '@/shared/lib/theme';
import { text } from '@/shared/text';

import { DeclinedError } from '../api/stand-in';
import { loadStripe } from '../api/stripe';
import { usePayment } from '../lib/use-payment';
import { Failure } from './failure';
import type { PayProps } from './pay-props';

/** Stripe's Payment Element. Fetched with its code when a checkout needs it, never before. */
export default function StripeForm(props: PayProps) {
  const [stripe] = useState(loadStripe);
  const dark = useTheme() === 'dark';
  return (
    <Elements
      stripe={stripe}
      options={{
        clientSecret: props.intent.clientSecret,
        appearance: { theme: dark ? 'night' : 'stripe' },
      }}
    >
      <Form {...props} />
    </Elements>
  );
}

function Form({ intent, amount, ...news }: PayProps) {
  const stripe = useStripe();
  const elements = useElements();
  const [ready, setReady] = useState(false);
  const [broken, setBroken] = useState(false);
  const payment = usePayment(news);
  const { pay, paying, loadFailed } = text.checkout;

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!stripe || !elements || payment.busy) return;
    void payment.run(async () => {
      const { error, paymentIntent } = await stripe.confirmPayment({
        elements,
        confirmParams: { return_url: location.origin + location.pathname },
        redirect: 'if_required',
      });
      // The element itself says what is missing in it.
      if (error?.type === 'validation_error') return undefined;
      if (error?.type === 'api_connection_error' || error?.type === 'api_error')
        throw new TypeError(error.message);
      if (error) throw new DeclinedError(error);
      return { id: paymentIntent.id, clientSecret: intent.clientSecret, status: paymentIntent.status };
    });
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <Failure intent={intent} failure={payment.failure} busy={payment.busy} />
      {broken && <Notice tone="bad">{loadFailed}</Notice>}
      <div className="min-h-64">
        <PaymentElement onReady={() => setReady(true)} onLoadError={() => setBroken(true)} />
      </div>
      <Button type="submit" disabled={!ready} busy={payment.busy}>
        {payment.busy ? paying : pay(amount)}
      </Button>
    </form>
  );
}

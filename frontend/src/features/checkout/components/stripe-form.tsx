import { Elements, PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js';
import type { Stripe } from '@stripe/stripe-js';
import { useEffect, useRef, useState, type SubmitEvent } from 'react';

import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { useTheme } from '@/shared/lib/theme';
import { text } from '@/shared/text';

import { loadStripe } from '../api/stripe';
import { DeclinedError } from '../lib/decline';
import { usePayment } from '../lib/use-payment';
import { Failure } from './failure';
import type { PayProps } from './pay-props';

/** Stripe's Payment Element, and another attempt to load it where it could not be. */
export default function StripeForm(props: PayProps) {
  const [attempt, setAttempt] = useState(0);
  return <Loading key={attempt} {...props} onRetry={() => setAttempt(attempt + 1)} />;
}

interface FormProps extends PayProps {
  onRetry: () => void;
}

function Loading(props: FormProps) {
  const [stripe, setStripe] = useState<Stripe | null>(null);
  const [failed, setFailed] = useState(false);
  const dark = useTheme() === 'dark';
  useEffect(() => {
    let gone = false;
    loadStripe().then(
      (loaded) => {
        if (!gone) setStripe(loaded);
      },
      () => {
        if (!gone) setFailed(true);
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  if (failed) return <LoadFailed onRetry={props.onRetry} />;
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

function LoadFailed({ onRetry }: Pick<FormProps, 'onRetry'>) {
  return (
    <Notice
      tone="bad"
      action={
        <Button look="secondary" onClick={onRetry}>
          {text.common.tryAgain}
        </Button>
      }
    >
      {text.checkout.loadFailed}
    </Notice>
  );
}

function Form({ intent, amount, onRetry, ...handlers }: FormProps) {
  const stripe = useStripe();
  const elements = useElements();
  const [ready, setReady] = useState(false);
  const [failed, setFailed] = useState(false);
  const payment = usePayment(handlers);
  // A second click comes before the first one has been rendered.
  const confirming = useRef(false);
  const { pay, paying } = text.checkout;

  const confirm = async () => {
    if (!stripe || !elements) return undefined;
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
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!ready || confirming.current) return;
    confirming.current = true;
    void payment.run(confirm).finally(() => {
      confirming.current = false;
    });
  };

  if (failed) return <LoadFailed onRetry={onRetry} />;
  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <Failure intent={intent} failure={payment.failure} busy={payment.busy} />
      <div className="min-h-64">
        <PaymentElement onReady={() => setReady(true)} onLoadError={() => setFailed(true)} />
      </div>
      <Button type="submit" disabled={!ready} busy={payment.busy}>
        {payment.busy ? paying : pay(amount)}
      </Button>
    </form>
  );
}

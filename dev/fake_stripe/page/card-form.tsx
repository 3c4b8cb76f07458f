import { useState, type SubmitEvent } from 'react';

import { Failure } from '@/features/checkout/components/failure';
import type { PayProps } from '@/features/checkout/components/pay-props';
import { usePayment } from '@/features/checkout/lib/use-payment';
import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { serverNow } from '@/shared/lib/clock';
import { text as pageText } from '@/shared/text';

import { confirm } from './api';
import { readCard, type CardErrors, type TypedCard } from './card';
import { TEST_CARDS } from './test-cards';
import { text } from './text';

const EMPTY: TypedCard = { number: '', expiry: '', cvc: '' };

/** A card form for the stand-in at `base` alone: a card goes nowhere else. */
export function CardForm({ base, intent, amount, ...handlers }: PayProps & { base: string }) {
  const [typed, setTyped] = useState(EMPTY);
  const [errors, setErrors] = useState<CardErrors>({});
  const payment = usePayment(handlers);
  const { pay, paying } = pageText.checkout;

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (payment.busy) return;
    const read = readCard(typed, serverNow());
    setErrors('errors' in read ? read.errors : {});
    if ('errors' in read) {
      const [first] = Object.keys(read.errors);
      event.currentTarget.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
      return;
    }
    void payment.run(async () => {
      const returnUrl = location.origin + location.pathname;
      const { intent: next, redirect } = await confirm(base, intent.clientSecret, read.card, returnUrl);
      if (redirect === undefined) return next;
      location.assign(redirect);
      return undefined;
    });
  };

  const fill = (number: string) => {
    const year = new Date(serverNow()).getUTCFullYear() + 2;
    setTyped({ number, expiry: `12/${String(year).slice(2)}`, cvc: '123' });
    setErrors({});
  };

  const field = (name: keyof TypedCard) => ({
    name,
    label: text.fields[name],
    value: typed[name],
    error: errors[name],
    inputMode: 'numeric' as const,
    onChange: ({ target }: { target: HTMLInputElement }) => setTyped({ ...typed, [name]: target.value }),
  });

  return (
    <form noValidate onSubmit={submit} className="flex flex-col gap-5">
      <Failure intent={intent} failure={payment.failure} busy={payment.busy} />
      <div>
        <p className="text-sm text-muted">{text.notice}</p>
        <div className="mt-3 flex flex-wrap gap-2">
          {TEST_CARDS.map(({ name, number }) => (
            <button
              key={number}
              type="button"
              onClick={() => fill(number)}
              className="min-h-11 rounded-full border border-edge px-4 text-sm font-medium hover:bg-raised"
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      <Field {...field('number')} autoComplete="cc-number" />
      <div className="grid grid-cols-2 items-start gap-4">
        <Field {...field('expiry')} hint={text.fields.expiryHint} autoComplete="cc-exp" />
        <Field {...field('cvc')} hint={text.fields.cvcHint} autoComplete="cc-csc" />
      </div>
      <Button type="submit" busy={payment.busy}>
        {payment.busy ? paying : pay(amount)}
      </Button>
    </form>
  );
}

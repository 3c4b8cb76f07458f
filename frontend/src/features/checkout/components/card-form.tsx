import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm } from 'react-hook-form';

import { Button } from '@/shared/components/button';
import { Field } from '@/shared/components/field';
import { serverNow } from '@/shared/lib/clock';
import { text } from '@/shared/text';

import { confirmAtStandIn } from '../api/stand-in';
import { cardSchema, type Card, type TypedCard } from '../lib/card';
import { TEST_CARDS } from '../lib/test-cards';
import { usePayment } from '../lib/use-payment';
import { Failure } from './failure';
import type { PayProps } from './pay-props';

const EMPTY: TypedCard = { number: '', expiry: '', cvc: '' };

/** Our own form, for the stand-in at `base` alone: a card goes nowhere else. */
export function CardForm({ base, intent, amount, ...news }: PayProps & { base: string }) {
  const [resolver] = useState(() => zodResolver(cardSchema(serverNow)));
  const { register, handleSubmit, formState, reset } = useForm<TypedCard, unknown, Card>({
    resolver,
    defaultValues: EMPTY,
  });
  const payment = usePayment(news);
  const { card, pay, paying } = text.checkout;

  const submit = (typed: Card) =>
    payment.run(async () => {
      const returnUrl = location.origin + location.pathname;
      const { intent: next, redirect } = await confirmAtStandIn(base, intent.clientSecret, typed, returnUrl);
      if (redirect === undefined) return next;
      location.assign(redirect);
      return undefined;
    });

  const fill = (number: string) => {
    const year = new Date(serverNow()).getUTCFullYear() + 2;
    reset({ number, expiry: `12/${String(year).slice(2)}`, cvc: '123' });
  };

  return (
    <form noValidate onSubmit={handleSubmit(submit)} className="flex flex-col gap-5">
      <Failure intent={intent} failure={payment.failure} busy={payment.busy} />
      <div>
        <p className="text-sm text-muted">{card.standIn}</p>
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
      <Field
        {...register('number')}
        label={card.fields.number}
        inputMode="numeric"
        autoComplete="cc-number"
        error={formState.errors.number?.message}
      />
      <div className="grid grid-cols-2 items-start gap-4">
        <Field
          {...register('expiry')}
          label={card.fields.expiry}
          hint={card.fields.expiryHint}
          inputMode="numeric"
          autoComplete="cc-exp"
          error={formState.errors.expiry?.message}
        />
        <Field
          {...register('cvc')}
          label={card.fields.cvc}
          hint={card.fields.cvcHint}
          inputMode="numeric"
          autoComplete="cc-csc"
          error={formState.errors.cvc?.message}
        />
      </div>
      <Button type="submit" busy={payment.busy}>
        {payment.busy ? paying : pay(amount)}
      </Button>
    </form>
  );
}

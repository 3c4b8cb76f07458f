import { useState } from 'react';

import { text } from '@/shared/text';

import type { Intent } from '../api/payment-intent';
import type { PayProps } from '../components/pay-props';
import { DeclinedError, declineSentence, type Decline } from './decline';

/** Stripe's word for an intent that has moved on since the form was shown. */
const MOVED_ON = 'payment_intent_unexpected_state';

type Attempt = () => Promise<Intent | undefined>;

/** Runs one attempt at the money after the other, and says why the last one failed. */
export function usePayment({
  onPaying,
  onIntent,
  onUnclear,
}: Pick<PayProps, 'onPaying' | 'onIntent' | 'onUnclear'>) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<{ title?: string; sentence: string }>();

  const decline = (why: Decline) => {
    if (why.code === MOVED_ON) onUnclear();
    else setFailure({ title: text.checkout.declinedTitle, sentence: declineSentence(why) });
  };

  const run = async (attempt: Attempt) => {
    setBusy(true);
    setFailure(undefined);
    onPaying(true);
    try {
      const intent = await attempt();
      if (intent) onIntent(intent);
    } catch (error) {
      if (error instanceof DeclinedError) decline(error.decline);
      else {
        // One intent is paid once, so trying again is safe even if the money is on its way.
        setFailure({ sentence: text.checkout.unclear });
        onUnclear();
      }
    } finally {
      setBusy(false);
      onPaying(false);
    }
  };

  return { busy, failure, run };
}

import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import type { Intent } from '../api/payment-intent';
import { declineSentence } from '../lib/decline';

interface FailureProps {
  intent: Intent;
  failure: { title?: string; sentence: string } | undefined;
  busy: boolean;
}

/** Why the last attempt failed: as just answered, or as Stripe still knows it after a reload. */
export function Failure({ intent, failure, busy }: FailureProps) {
  const { declinedTitle, declinedNext, unfinished } = text.checkout;
  if (busy) return null;
  if (failure) {
    return (
      <Notice tone="bad" {...(failure.title ? { title: failure.title } : {})}>
        <p>{failure.sentence}</p>
        {failure.title && <p className="mt-1">{declinedNext}</p>}
      </Notice>
    );
  }
  if (intent.failure) {
    return (
      <Notice tone="bad" title={declinedTitle}>
        <p>{declineSentence(intent.failure)}</p>
        <p className="mt-1">{declinedNext}</p>
      </Notice>
    );
  }
  return intent.status === 'requires_action' ? <Notice tone="warn">{unfinished}</Notice> : null;
}

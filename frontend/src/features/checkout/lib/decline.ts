import { text } from '@/shared/text';

/** Why a payment failed, in Stripe's words. */
export interface Decline {
  code?: string | undefined;
  decline_code?: string | null | undefined;
  message?: string | undefined;
}

/** A payment that the bank declined, or that Stripe would not try. */
export class DeclinedError extends Error {
  override readonly name = 'DeclinedError';
  readonly decline: Decline;

  constructor(decline: Decline) {
    super(decline.code);
    this.decline = decline;
  }
}

/** The sentence for people. A lost or stolen card is shown as any declined one, as Stripe asks for. */
export function declineSentence({ code, decline_code, message }: Decline): string {
  const { declines } = text.checkout;
  const known = (name: string | null | undefined): name is keyof typeof declines =>
    typeof name === 'string' && Object.hasOwn(declines, name);
  if (known(decline_code)) return declines[decline_code];
  if (known(code)) return declines[code];
  return message ?? declines.card_declined;
}

import { text } from './text';

export interface Card {
  /** Digits alone. */
  number: string;
  expiry: Expiry;
  cvc: string;
}

interface Expiry {
  month: number;
  year: number;
}

/** A card as it was typed. */
export type TypedCard = Record<keyof Card, string>;

export type CardErrors = Partial<Record<keyof Card, string>>;

/** Pass the check digit of card numbers (ISO/IEC 7812). */
export function passesLuhn(digits: string): boolean {
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return /^\d{13,19}$/.test(digits) && sum % 10 === 0;
}

/** 12/27, 1227 or 12 / 2027 as month and year; undefined for what is no month of a year. */
export function readExpiry(typed: string): Expiry | undefined {
  const match = /^(0?[1-9]|1[0-2])\s*\/?\s*(?:20)?(\d{2})$/.exec(typed.trim());
  return match ? { month: Number(match[1]), year: 2000 + Number(match[2]) } : undefined;
}

/** A card is good through the last day of its month. `now` is in milliseconds. */
export function hasExpired({ month, year }: Expiry, now: number): boolean {
  return Date.UTC(year, month, 1) <= now;
}

/** The card that was typed, or what is wrong with each field. `now` is in milliseconds. */
export function readCard(typed: TypedCard, now: number): { card: Card } | { errors: CardErrors } {
  const number = typed.number.replace(/[\s-]/g, '');
  const expiry = readExpiry(typed.expiry);
  const cvc = typed.cvc.trim();
  const errors: CardErrors = {};
  if (!passesLuhn(number)) errors.number = text.fields.numberWrong;
  if (!expiry) errors.expiry = text.fields.expiryWrong;
  else if (hasExpired(expiry, now)) errors.expiry = text.fields.expired;
  if (!/^\d{3,4}$/.test(cvc)) errors.cvc = text.fields.cvcWrong;
  return expiry && Object.keys(errors).length === 0 ? { card: { number, expiry, cvc } } : { errors };
}

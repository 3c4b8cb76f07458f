import { z } from 'zod';

import { text } from '@/shared/text';

const { fields } = text.checkout.card;

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
export function readExpiry(typed: string): { month: number; year: number } | undefined {
  const match = /^(0?[1-9]|1[0-2])\s*\/?\s*(?:20)?(\d{2})$/.exec(typed.trim());
  return match ? { month: Number(match[1]), year: 2000 + Number(match[2]) } : undefined;
}

/** A card is good through the last day of its month. `now` is in milliseconds. */
export function hasExpired({ month, year }: { month: number; year: number }, now: number): boolean {
  return Date.UTC(year, month, 1) <= now;
}

/** The card that a form asks for. `now` is in milliseconds. */
export const cardSchema = (now: () => number) =>
  z.object({
    number: z
      .string()
      .transform((typed) => typed.replace(/[\s-]/g, ''))
      .refine(passesLuhn, fields.numberWrong),
    expiry: z.string().transform((typed, context) => {
      const expiry = readExpiry(typed);
      if (expiry && !hasExpired(expiry, now())) return expiry;
      context.addIssue({ code: 'custom', message: expiry ? fields.expired : fields.expiryWrong });
      return z.NEVER;
    }),
    cvc: z
      .string()
      .trim()
      .regex(/^\d{3,4}$/, fields.cvcWrong),
  });

export type Card = z.output<ReturnType<typeof cardSchema>>;
export type TypedCard = z.input<ReturnType<typeof cardSchema>>;

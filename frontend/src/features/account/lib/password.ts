import { z } from 'zod';

import { text } from '@/shared/text';

export const SHORTEST = 10;
export const LONGEST = 200;

/** A password as it is compared and counted: two keyboards may write one character in two ways. */
export const oneForm = (typed: string) => typed.normalize('NFKC');

/** In characters as people count them, which are not the units of a JavaScript string. */
export const lengthOf = (typed: string) => Array.from(oneForm(typed)).length;

const isOfRightLength = (typed: string) => lengthOf(typed) >= SHORTEST && lengthOf(typed) <= LONGEST;

/** The most of backend/passwords.py, which has the last word: it knows the common ones, too. */
export const newPasswordSchema = z.string().refine(isOfRightLength, text.errors.weak_password);

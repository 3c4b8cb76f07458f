import { z } from 'zod';

import { text } from '@/shared/text';

const MARKS = /[\p{M}\u200c\u200d]/gu;
const LINK = /:\/\/|(^|[^a-z0-9])www\.|[a-z0-9]\.[a-z]{2,}\//i;

const isName = (name: string) =>
  name !== '' && Array.from(name.replace(MARKS, '')).length <= 100 && !LINK.test(name.normalize('NFKC'));

/** The most of private.is_name in sql/accounts/users.sql, which has the last word. */
export const nameSchema = z.string().trim().refine(isName, text.errors.invalid_name);

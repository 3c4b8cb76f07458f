import { z } from 'zod';

import { text } from '@/shared/text';

import type { Proof } from '../api/second-factor';

/** Which of the two is typed. */
export type ProofKind = 'code' | 'recovery_code';

export const proofSchema = z.object({ proof: z.string().trim().min(1, text.secondFactor.field.missing) });

export const proofOf = (kind: ProofKind, typed: string): Proof =>
  kind === 'code' ? { code: typed } : { recovery_code: typed };

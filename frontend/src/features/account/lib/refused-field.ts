import { isApiError, type Problem } from '@/api/errors';

/** The field that a refusal is about; undefined where the form as a whole has to say it. */
export function refusedField<F extends string>(
  error: unknown,
  fields: Partial<Record<Problem, F>>,
): F | undefined {
  return isApiError(error) ? fields[error.code] : undefined;
}

import { text } from '@/shared/text';

import { ERROR_CODES, type ErrorCode } from './error-codes';

/** A code of sql/platform/errors.sql, or what no server of ours said: no answer at all, or one that nobody expected. */
export type Problem = ErrorCode | 'offline' | 'unexpected';

/** What an error carries besides its code. */
interface ErrorContext {
  details?: Record<string, unknown>;
  hint?: string | undefined;
  /** Seconds. */
  retryAfter?: number | undefined;
  /** Names the call in the logs of every part. */
  requestId?: string | undefined;
}

/** A refusal by the Data API or by Flask. `retryAfter` is in seconds. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  readonly code: Problem;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: Problem, { details = {}, hint, retryAfter, requestId }: ErrorContext = {}) {
    super(code);
    this.code = code;
    this.details = details;
    this.hint = hint;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

/** What the Data API and Flask both answer; the names of the codes stand in `message`. */
interface RefusalBody {
  code?: unknown;
  message?: unknown;
  details?: unknown;
  hint?: unknown;
}

const UNKNOWN_TOKEN = ['PGRST301', 'PGRST303'];

/**
 * As backend/database.py has them: contention, a statement that took too long, a database that is out of connections,
 * starting, stopping or not reached, and PostgREST's empty code for a server process that was killed during the call.
 */
const BUSY = /^$|^(40001|40P01|55P03|57014|PGRST00[0-3])$|^(53|57P|08)/;
const BUSY_GATEWAY = [502, 503, 504];

/** What PostgREST, PostgreSQL and gateways say by themselves (docs/errors.md). */
function foreign(code: unknown, status: number | undefined): Problem {
  if (typeof code === 'string' && UNKNOWN_TOKEN.includes(code)) return 'session_ended';
  if (typeof code === 'string' && BUSY.test(code)) return 'busy';
  return status !== undefined && BUSY_GATEWAY.includes(status) ? 'busy' : 'unexpected';
}

/** The error in the body of an answer; `status` and the rest are the answer's. */
export function toApiError(
  body: unknown,
  status?: number,
  context: Pick<ErrorContext, 'retryAfter' | 'requestId'> = {},
): ApiError {
  const refusal: RefusalBody = typeof body === 'object' && body !== null ? body : {};
  const { code, message, details, hint } = refusal;
  // Only our own codes start with PT; the hint of a newer server than this page is still a sentence for people.
  const ours = typeof code === 'string' && code.startsWith('PT') && typeof hint === 'string';
  const problem = isErrorCode(message) ? message : foreign(code, status);
  return new ApiError(problem, { ...context, details: parsed(details), hint: ours ? hint : undefined });
}

export function isApiError(error: unknown, ...codes: Problem[]): error is ApiError {
  return error instanceof ApiError && (codes.length === 0 || codes.includes(error.code));
}

/** The sentence for people. Does not compile while a code lacks one. */
export function sentenceFor(error: unknown): string {
  const { errors } = text;
  if (!(error instanceof ApiError)) return errors.unexpected;
  switch (error.code) {
    case 'too_many_seats': {
      const { limit } = error.details;
      return typeof limit === 'number' ? errors.too_many_seats_of(limit) : errors.too_many_seats;
    }
    case 'seat_taken': {
      const count = seatIds(error).length;
      return count > 1 ? errors.seats_taken(count) : errors.seat_taken;
    }
    case 'too_many_attempts': {
      const seconds = waitOf(error);
      return seconds === undefined ? errors.too_many_attempts : errors.too_many_attempts_for(seconds);
    }
    case 'invalid_signature':
    case 'method_not_allowed':
    case 'invalid_request':
      return errors.invalid_request;
    case 'unexpected':
      return error.hint ?? traceable(errors.unexpected, error);
    case 'internal':
      return traceable(errors.internal, error);
    default:
      return errors[error.code];
  }
}

/** What nobody foresaw can only be looked up. */
const traceable = (sentence: string, { requestId }: ApiError) =>
  requestId === undefined ? sentence : text.errors.quote(sentence, requestId);

/** For how many seconds a limit holds: Flask says so in a header, and the database in the details. */
function waitOf({ retryAfter, details }: ApiError): number | undefined {
  const seconds = retryAfter ?? details.retry_after;
  return typeof seconds === 'number' && seconds > 0 ? seconds : undefined;
}

/** The seats that an error names. */
export function seatIds(error: ApiError): number[] {
  const { seat_ids: ids } = error.details;
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'number') : [];
}

function isErrorCode(value: unknown): value is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(value);
}

function parsed(details: unknown): Record<string, unknown> {
  if (typeof details !== 'string') return {};
  try {
    const value: unknown = JSON.parse(details);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

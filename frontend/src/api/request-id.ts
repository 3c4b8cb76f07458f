/** Under it Flask, the database and the worker write down what came of a call (docs/operations.md). */
export const REQUEST_ID = 'X-Request-Id';

/** Sixteen digits are as many as people can read out, and 60 random bits make each call unique in all logs. */
export function newRequestId(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 16);
}

import { expect, test } from 'vitest';

import { ERROR_CODES } from './error-codes';
import { ApiError, isApiError, seatIds, sentenceFor, toApiError } from './errors';

const refusal = (message: string, details: unknown = {}) => ({
  code: 'PT409',
  message,
  details: JSON.stringify(details),
  hint: 'The sentence of the server.',
});

test.each(ERROR_CODES)('%s has a sentence', (code) => {
  expect(sentenceFor(toApiError(refusal(code)))).toMatch(/^[A-Z].+[.?]$/);
});

test('details are read', () => {
  const error = toApiError(refusal('seat_taken', { seat_ids: [7, 8] }), 409, { retryAfter: 3 });
  expect([error.code, seatIds(error), error.retryAfter]).toEqual(['seat_taken', [7, 8], 3]);
  expect(sentenceFor(error)).toBe('2 of those seats were just taken.');
  expect(sentenceFor(toApiError(refusal('too_many_seats', { limit: 10 })))).toBe(
    'You can book up to 10 seats per showtime.',
  );
});

test.each([
  [1, '1 minute'],
  [61, '2 minutes'],
  [3540, '59 minutes'],
  [3541, '1 hour'],
  [3601, '2 hours'],
])('a limit that holds for %i seconds says so, whichever server names them', (seconds, wait) => {
  const sentence = `Too many attempts. Please try again in ${wait}.`;
  expect(sentenceFor(toApiError(refusal('too_many_attempts'), 429, { retryAfter: seconds }))).toBe(sentence);
  expect(sentenceFor(toApiError(refusal('too_many_attempts', { retry_after: seconds }), 429))).toBe(sentence);
});

test('a limit of an unknown length asks to wait', () => {
  expect(sentenceFor(toApiError(refusal('too_many_attempts', { retry_after: 'soon' }), 429))).toBe(
    'Too many attempts. Please wait a while and try again.',
  );
});

test('a code of a server newer than the page keeps the server’s sentence', () => {
  const error = toApiError(refusal('film_torn'));
  expect(error.code).toBe('unexpected');
  expect(sentenceFor(error)).toBe('The sentence of the server.');
});

test('what PostgREST says by itself is not shown to people', () => {
  const error = toApiError({ code: '42501', message: 'permission denied', details: null, hint: 'Grant it.' });
  expect(sentenceFor(error)).toBe('Something went wrong. Please try again.');
  expect(toApiError({ code: 'PGRST303', message: 'JWT expired' }).code).toBe('session_ended');
});

test('an unexpected error shows its request id', () => {
  const context = { requestId: '0123456789abcdef' };
  expect(sentenceFor(toApiError({}, 500, context))).toBe(
    'Something went wrong. Please try again. If you contact us about it, quote 0123456789abcdef.',
  );
  expect(sentenceFor(toApiError(refusal('internal'), 500, context))).toMatch(/quote 0123456789abcdef\.$/);
  expect(sentenceFor(toApiError(refusal('seat_taken'), 409, context))).not.toContain('quote');
});

// Those of tests/backend/test_database.py: the page and Flask take the same answers for a database that cannot now.
test.each([
  [503, { code: 'PGRST001', message: 'Database client error.' }],
  [504, { code: 'PGRST003', message: 'Timed out acquiring connection.' }],
  [503, { code: '57P01', message: 'terminating connection' }],
  [400, { code: '', details: null, hint: null, message: '' }],
  // tests/http/test_data_api.py has this one from PostgREST, for a call over its role's time limit.
  [
    500,
    {
      code: '57014',
      details: null,
      hint: null,
      message: 'canceling statement due to statement timeout',
    },
  ],
  [500, { code: '40P01', message: 'deadlock detected' }],
  [503, { code: '53300', message: 'too many connections' }],
  [503, { code: 'PT503', message: 'busy', details: null, hint: 'Ours, and our gateway’s.' }],
  [502, { message: '<html>Bad gateway</html>' }],
  [504, undefined],
])('%i with %j is busy', (status, body) => {
  expect(toApiError(body, status).code).toBe('busy');
});

test.each([
  [404, { code: 'PGRST202', message: 'Could not find the function' }],
  [400, { code: '23514', message: 'violates check constraint' }],
  [400, { message: '' }],
  [500, { code: 'PT500', message: 'a_code_of_tomorrow' }],
])('%i with %j is not', (status, body) => {
  expect(toApiError(body, status).code).toBe('unexpected');
});

test.each([undefined, null, 'Bad Gateway', [], { details: '{' }, { details: 'null' }])(
  'nonsense (%j) is unexpected',
  (body) => {
    expect(toApiError(body)).toMatchObject({ code: 'unexpected', details: {} });
  },
);

test('isApiError asks for codes', () => {
  const error = new ApiError('busy');
  expect([
    isApiError(error),
    isApiError(error, 'busy'),
    isApiError(error, 'offline'),
    isApiError(new Error()),
  ]).toEqual([true, true, false, false]);
});

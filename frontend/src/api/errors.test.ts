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
  expect(sentenceFor(toApiError(refusal(code)))).toMatch(/^[A-Z].+\.$/);
});

test('details are read', () => {
  const error = toApiError(refusal('seat_taken', { seat_ids: [7, 8] }), 3);
  expect([error.code, seatIds(error), error.retryAfter]).toEqual(['seat_taken', [7, 8], 3]);
  expect(sentenceFor(error)).toBe('2 of those seats were just taken.');
  expect(sentenceFor(toApiError(refusal('too_many_seats', { limit: 10 })))).toBe(
    'One person may take 10 seats for a showtime.',
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

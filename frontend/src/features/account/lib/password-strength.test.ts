import { expect, test } from 'vitest';

import { loadCommonPasswords } from '../api/common-passwords';
import { strengthOf } from './password-strength';

const common = await loadCommonPasswords();

const ADA = ['Ada Lovelace', 'countess@example.com'];

test.each([
  ['', 'short'],
  ['ten charac', 'fair'],
  ['nine char', 'short'],
  ['x'.repeat(201), 'long'],
  ['1234567890', 'common'],
  ['Password123', 'common'],
  // One form, as the server compares it.
  ['ＰASSWORD１２３', 'common'],
  ['password2026!', 'weak'],
  ['aaaaaaaaaaaaaaaaaaaa', 'weak'],
  ['qwertzuiopasdfghjklyxcvbnm', 'weak'],
  ['zyxwvutsrqponm', 'weak'],
  ['tiptiptiptiptiptip', 'weak'],
  ['7391846205', 'weak'],
  ['lovelace-countess', 'weak'],
  ['front row seats', 'fair'],
  ['correct horse battery', 'strong'],
  ['ранее здесь росли клёны', 'strong'],
])('%j is %s', (typed, strength) => {
  expect(strengthOf(typed, common, ADA)).toBe(strength);
});

test('what the person is called counts for that person alone', () => {
  expect(strengthOf('lovelace-countess', common, [])).not.toBe('weak');
});

test('without the list a password is still looked at', () => {
  expect(strengthOf('1234567890', undefined, ADA)).toBe('weak');
  expect(strengthOf('correct horse battery', undefined, ADA)).toBe('strong');
});

test('the list is that of the server, and its license is not on it', () => {
  expect(common.size).toBeGreaterThan(1_000);
  expect(Array.from(common).filter((each) => each.startsWith('#') || each.length < 10)).toEqual([]);
});

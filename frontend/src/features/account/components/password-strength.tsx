import { text } from '@/shared/text';

import { useCommonPasswords } from '../api/common-passwords';
import { strengthOf, type Strength } from '../lib/password-strength';

const STEPS: Record<Strength, number> = { short: 0, long: 0, common: 1, weak: 1, fair: 2, strong: 3 };
const COLORS = ['bg-line', 'bg-bad', 'bg-warn', 'bg-good'];

/** How hard the password is to guess, as it is typed. Said only when it changes. */
export function PasswordStrength({ typed, known }: { typed: string; known: readonly string[] }) {
  const common = useCommonPasswords(typed !== '');
  const strength = typed === '' ? undefined : strengthOf(typed, common, known);
  const step = strength === undefined ? 0 : STEPS[strength];
  return (
    <div>
      <div aria-hidden="true" className="flex gap-1">
        {[1, 2, 3].map((each) => (
          <span key={each} className={`h-1 flex-1 rounded-full ${COLORS[each <= step ? step : 0] ?? ''}`} />
        ))}
      </div>
      <p role="status" className="mt-1 min-h-5 text-sm text-muted">
        {strength && text.account.strength[strength]}
      </p>
    </div>
  );
}

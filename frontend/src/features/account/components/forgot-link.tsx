import { Link, useSearchParams } from 'react-router';

import { paths, safeReturn } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import type { FormState } from '../lib/form-state';

/** For who has forgotten the password of that address. */
export function ForgotLink({ email }: { email: string }) {
  const [search] = useSearchParams();
  return (
    <p className="mt-2">
      <Link
        to={paths.forgot(safeReturn(search.get('return')))}
        state={{ email: email.trim() } satisfies FormState}
        className="text-accent underline underline-offset-4"
      >
        {text.account.signIn.forgot}
      </Link>
    </p>
  );
}

import type { ReactNode } from 'react';
import { Link } from 'react-router';

import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import type { FormState } from '../lib/form-state';
import { Outcome } from './outcome';

interface CheckEmailProps {
  email: string;
  /** Where to go after signing in to another account instead. */
  returnTo: string;
  /** A way on. */
  action?: ReactNode;
}

/**
 * What to do after registering. It is the same for an address that has an account already, which nobody is to find out
 * here; so it offers to sign in.
 */
export function CheckEmail({ email, returnTo, action }: CheckEmailProps) {
  const words = text.account.register;
  return (
    <Outcome tone="good" title={words.checkEmail} action={action}>
      <p className="wrap-anywhere">{words.openLink(email)}</p>
      <p className="mt-2">
        {words.taken}{' '}
        <Link
          to={paths.signIn(returnTo)}
          state={{ email, instead: true } satisfies FormState}
          className="font-semibold underline underline-offset-4"
        >
          {words.toSignIn}
        </Link>
      </p>
    </Outcome>
  );
}

import { useState } from 'react';

import { isApiError, sentenceFor } from '@/api/errors';
import { useAccountUser } from '@/api/session';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useVerify } from '../api/verify';
import type { FormState } from '../lib/form-state';
import { Outcome } from './outcome';
import { VerifyPasswordForm } from './verify-password-form';

/**
 * Proves an address by the link that was sent there. By a button: mail servers open links to look for what is bad, and
 * must not prove the address of somebody who has never seen the email. Whoever is not signed in to the account of the
 * link gives its password as well.
 */
export function VerifyEmail({ token }: { token: string }) {
  const user = useAccountUser();
  const verify = useVerify();
  const [asksPassword, setAsksPassword] = useState(false);
  const { link, verify: words, signIn } = text.account;

  if (verify.isSuccess) {
    const { email, purpose } = verify.data;
    // Where a password was needed, the account is not the one that is signed in to.
    const isOwn = user && !asksPassword;
    return (
      <Outcome
        tone="good"
        title={words.done[purpose](email)}
        action={
          isOwn ? (
            <ButtonLink to={paths.account()}>{words.toAccount}</ButtonLink>
          ) : (
            <ButtonLink to={paths.signIn()} state={{ email, instead: true } satisfies FormState}>
              {signIn.submit}
            </ButtonLink>
          )
        }
      />
    );
  }
  if (isApiError(verify.error, 'link_expired')) {
    return (
      <Outcome
        tone="warn"
        title={link.expired}
        action={
          user ? (
            <ButtonLink to={paths.account()}>{words.toAccount}</ButtonLink>
          ) : (
            <ButtonLink to={paths.signIn(paths.account())}>{signIn.submit}</ButtonLink>
          )
        }
      >
        {words.expired[!user ? 'stranger' : user.email_verified === false ? 'unproven' : 'proven']}
      </Outcome>
    );
  }
  if (asksPassword) return <VerifyPasswordForm token={token} verifying={verify} />;
  const submit = () =>
    verify.mutate(
      { token },
      {
        onError: (error) => {
          if (!isApiError(error, 'password_required')) return;
          setAsksPassword(true);
          // The focus goes to the field below the sentence.
          announce(words.password);
        },
      },
    );
  return (
    <div className="flex flex-col items-start gap-5">
      {verify.isError && <Notice tone="bad">{sentenceFor(verify.error)}</Notice>}
      <Button busy={verify.isPending} onClick={submit}>
        {words.submit}
      </Button>
    </div>
  );
}

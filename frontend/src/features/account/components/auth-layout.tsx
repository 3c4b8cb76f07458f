import { useEffect, useState, type ReactNode } from 'react';
import { Link, Navigate, useSearchParams } from 'react-router';

import { useSession } from '@/api/session';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { safeReturn } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useFormState } from '../lib/form-state';
import { FormPage } from './form-page';

interface AuthLayoutProps {
  words: { title: string; lead: string; guestLead: string; other: string; toOther: string };
  /** The path of the other form, given the page to return to. */
  other: (returnTo: string) => string;
  /** There is something to read first, whoever is signed in by now. */
  stay?: boolean;
  /** The form was answered: whoever is signed in now is who was meant. */
  done?: boolean;
  children: ReactNode;
}

/** The layout of sign-in and register. A viewer who is signed in to an account goes on to the page he came from. */
export function AuthLayout({ words, other, stay = false, done = false, children }: AuthLayoutProps) {
  const state = useSession();
  const [search] = useSearchParams();
  const { done: before, email, instead } = useFormState();
  const returnTo = safeReturn(search.get('return'));
  const user = state.status === 'signed-in' ? state.user : undefined;
  const account = user?.kind === 'registered' ? user : undefined;
  // Who has come to sign in to another account than this one.
  const [leaving] = useState(instead === true ? account?.id : undefined);
  const name = account?.id === leaving && !done ? undefined : account?.full_name;
  useEffect(() => {
    if (name !== undefined) announce(text.account.signedIn(name));
  }, [name]);
  if (name !== undefined && !stay) return <Navigate replace to={returnTo} />;
  const ended = state.status === 'signed-out' && state.ended;
  return (
    <FormPage
      title={words.title}
      lead={user?.kind === 'guest' ? words.guestLead : words.lead}
      before={
        before === 'reset' ? (
          <Notice tone="good">{text.account.reset.done}</Notice>
        ) : (
          ended && <Notice tone="warn">{text.account.ended}</Notice>
        )
      }
      after={
        !stay && (
          <p className="mt-6 text-muted">
            {words.other}{' '}
            <Link
              to={other(returnTo)}
              state={{ email }}
              className="font-semibold text-accent underline underline-offset-4"
            >
              {words.toOther}
            </Link>
          </p>
        )
      }
    >
      {children}
    </FormPage>
  );
}

import { useEffect, type ReactNode } from 'react';
import { Link, Navigate, useSearchParams } from 'react-router';

import { useSession } from '@/api/session';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { announce } from '@/shared/lib/announce';
import { safeReturn } from '@/shared/lib/paths';
import { text } from '@/shared/text';

interface AuthLayoutProps {
  words: { title: string; lead: string; other: string; toOther: string };
  /** The path of the other form, given the page to return to. */
  other: (returnTo: string) => string;
  children: ReactNode;
}

/** The layout of sign-in and register. A viewer who is signed in goes on to the page he came from. */
export function AuthLayout({ words, other, children }: AuthLayoutProps) {
  const state = useSession();
  const [search] = useSearchParams();
  const returnTo = safeReturn(search.get('return'));
  const name = state.status === 'signed-in' ? state.user.full_name : undefined;
  useEffect(() => {
    if (name !== undefined) announce(text.account.signedIn(name));
  }, [name]);
  if (name !== undefined) return <Navigate replace to={returnTo} />;
  return (
    <Page title={words.title} lead={words.lead} width="narrow">
      {state.status === 'guest' && state.ended && (
        <div className="mb-5">
          <Notice tone="warn">{text.account.ended}</Notice>
        </div>
      )}
      <div className="rounded-card border border-line bg-surface p-6 sm:p-8">{children}</div>
      <p className="mt-6 text-muted">
        {words.other}{' '}
        <Link to={other(returnTo)} className="font-semibold text-accent underline underline-offset-4">
          {words.toOther}
        </Link>
      </p>
    </Page>
  );
}

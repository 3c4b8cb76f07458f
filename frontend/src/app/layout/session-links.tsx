import { NavLink, useLocation } from 'react-router';

import { useSession } from '@/api/session';
import { Skeleton } from '@/shared/components/skeleton';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

/** Pages that nobody has to come back to once signed in. */
const AUTH_PAGES = [
  paths.signIn(),
  paths.register(),
  paths.forgot(),
  paths.reset(),
  paths.verify(),
  paths.goodbye(),
];

const LINK =
  'inline-flex min-h-11 min-w-11 items-center justify-center rounded-lg px-2 font-medium whitespace-nowrap underline-offset-8 hover:underline aria-[current=page]:underline aria-[current=page]:decoration-accent aria-[current=page]:decoration-2';

/** The way to what is one's own; to sign in, for who has no account, and to come back to this very page. */
export function SessionLinks() {
  const session = useSession();
  const { pathname, search } = useLocation();
  const { nav } = text.common;
  if (session.status === 'loading') return <Skeleton className="h-8 w-24 sm:w-44" />;
  const bookings = session.status === 'signed-in' && (
    <NavLink to={paths.bookings()} className={LINK}>
      {nav.bookings}
    </NavLink>
  );
  if (session.status === 'signed-in' && session.user.kind === 'registered') {
    return (
      <>
        {bookings}
        <NavLink to={paths.account()} className={LINK}>
          <Person />
          <span className="max-sm:sr-only">{nav.account}</span>
        </NavLink>
      </>
    );
  }
  const isAuthPage = AUTH_PAGES.includes(pathname);
  return (
    <>
      {bookings}
      <NavLink to={isAuthPage ? paths.signIn() + search : paths.signIn(pathname + search)} className={LINK}>
        {nav.signIn}
      </NavLink>
    </>
  );
}

/** Stands for the word where a small screen has no room for it. */
function Person() {
  return (
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      className="size-5 fill-none stroke-current stroke-2 sm:hidden"
    >
      <circle cx="12" cy="8" r="4" />
      <path d="M4 21a8 7 0 0 1 16 0" strokeLinecap="round" />
    </svg>
  );
}

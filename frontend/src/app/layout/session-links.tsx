import { NavLink, useLocation } from 'react-router';

import { useSession } from '@/api/session';
import { Skeleton } from '@/shared/components/skeleton';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

const LINK =
  'inline-flex min-h-11 items-center rounded-lg px-2 font-medium underline-offset-8 hover:underline aria-[current=page]:underline aria-[current=page]:decoration-accent aria-[current=page]:decoration-2';

/** The way to what is one's own; to sign in, for a guest, and to come back to this very page. */
export function SessionLinks() {
  const { status } = useSession();
  const { pathname, search } = useLocation();
  const { nav } = text.common;
  if (status === 'loading') return <Skeleton className="h-8 w-40" />;
  if (status === 'signed-in') {
    return (
      <>
        <NavLink to={paths.bookings()} className={LINK}>
          {nav.bookings}
        </NavLink>
        <NavLink to={paths.account()} className={LINK}>
          {nav.account}
        </NavLink>
      </>
    );
  }
  const isEntrance = pathname === paths.signIn() || pathname === paths.register();
  return (
    <NavLink to={isEntrance ? paths.signIn() + search : paths.signIn(pathname + search)} className={LINK}>
      {nav.signIn}
    </NavLink>
  );
}

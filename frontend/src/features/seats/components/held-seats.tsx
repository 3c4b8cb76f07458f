import { Link, useLocation } from 'react-router';

import { useSession } from '@/api/session';
import { useNow } from '@/shared/lib/clock';
import { paths } from '@/shared/lib/paths';
import { useStore } from '@/shared/lib/store';
import { text } from '@/shared/text';

import { firstToEnd, heldSeats } from '../model/held-seats';
import { TimeLeft } from './time-left';

/** A slim way back to seats that are held while their owner looks elsewhere. */
export function HeldSeats() {
  const session = useSession();
  const all = useStore(heldSeats);
  if (all.length === 0) return null;
  if (session.status === 'signed-in') return <Bar userId={session.user.id} />;
  return session.status === 'loading' ? <Bar userId={undefined} /> : null;
}

/** While nobody knows yet who this is it only takes its place: coming later, it would push the page down. */
function Bar({ userId }: { userId: string | undefined }) {
  const now = useNow(1000);
  const selection = firstToEnd(useStore(heldSeats), userId, now);
  const { pathname } = useLocation();
  const { held } = text.seats;
  if (!selection) return null;
  // At the seats themselves, and where they are paid for, one needs no way back.
  if (pathname === paths.showtime(selection.showtimeId) || pathname.startsWith(paths.checkout('')))
    return null;
  return (
    <aside
      aria-label={held.label}
      className={`border-b border-line bg-warn-ground text-warn ${userId === undefined ? 'invisible' : ''}`}
    >
      <div className="mx-auto flex min-h-12 max-w-6xl flex-wrap items-center gap-x-4 gap-y-1 px-4 py-1 sm:px-6">
        <TimeLeft expiresAt={selection.expiresAt} />
        <p className="truncate max-sm:order-last max-sm:w-full max-sm:pb-1 sm:min-w-0 sm:flex-1">
          {held.sentence(selection.seats, selection.title)}
        </p>
        <Link
          to={paths.showtime(selection.showtimeId)}
          className="ml-auto inline-flex min-h-11 items-center font-semibold underline underline-offset-4"
        >
          {held.back}
        </Link>
      </div>
    </aside>
  );
}

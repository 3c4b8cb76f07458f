import { Navigate, Outlet, useLocation } from 'react-router';

import { useSession } from '@/api/session';
import { Notice } from '@/shared/components/notice';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

/** Pages of one's own: a guest signs in first and comes back. */
export function RequireSession() {
  const { status } = useSession();
  const { pathname, search } = useLocation();
  switch (status) {
    case 'loading':
      return <PageSkeleton />;
    case 'unreachable':
      return (
        <div className="mx-auto w-full max-w-lg px-4 py-14">
          <Notice tone="warn" title={text.common.unreachable.title}>
            {text.common.unreachable.sentence}
          </Notice>
        </div>
      );
    case 'guest':
      return <Navigate replace to={paths.signIn(pathname + search)} />;
    case 'signed-in':
      return <Outlet />;
  }
}

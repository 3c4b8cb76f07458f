import { Navigate, Outlet, useLocation } from 'react-router';

import { useSession } from '@/api/session';
import { Page } from '@/shared/components/page';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

/** Pages of one's own: whoever has no session, not even a guest's, signs in first and comes back. */
export function RequireSession() {
  const { status } = useSession();
  const { pathname, search } = useLocation();
  switch (status) {
    case 'loading':
      return <PageSkeleton />;
    case 'unreachable':
      return (
        <Page title={text.common.unreachable.title} lead={text.common.unreachable.sentence} width="narrow" />
      );
    case 'signed-out':
      return <Navigate replace to={paths.signIn(pathname + search)} />;
    case 'signed-in':
      return <Outlet />;
  }
}

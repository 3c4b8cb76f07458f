import { Suspense } from 'react';
import { Outlet, ScrollRestoration } from 'react-router';

import { useServerClock } from '@/api/server-clock';
import { HeldSeats } from '@/features/seats/components/held-seats';
import { LiveRegion } from '@/shared/components/live-region';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { text } from '@/shared/text';

import { Header } from './header';
import { OfflineBanner } from './offline-banner';

const MAIN = 'content';

export function Layout() {
  useServerClock();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href={`#${MAIN}`}
        className="sr-only rounded-b-lg bg-accent px-4 py-3 font-semibold text-on-accent focus:not-sr-only focus:absolute focus:left-4 focus:z-20"
      >
        {text.common.skipToContent}
      </a>
      <Header />
      <OfflineBanner />
      <HeldSeats />
      <main id={MAIN} tabIndex={-1} className="flex flex-1 flex-col outline-none">
        <Suspense fallback={<PageSkeleton />}>
          <Outlet />
        </Suspense>
      </main>
      <footer className="border-t border-line px-4 py-8 text-center text-sm text-muted">
        {text.common.footer}
      </footer>
      <LiveRegion />
      <ScrollRestoration />
    </div>
  );
}

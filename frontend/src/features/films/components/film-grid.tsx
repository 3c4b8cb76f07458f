import type { ReactNode } from 'react';

import { Skeleton } from '@/shared/components/skeleton';

export function FilmGrid({ children, busy = false }: { children: ReactNode; busy?: boolean }) {
  return (
    <ul aria-busy={busy} className="mt-5 grid gap-x-6 gap-y-10 sm:grid-cols-2 md:grid-cols-3 lg:grid-cols-4">
      {children}
    </ul>
  );
}

/** As large as the cards will be. */
export function FilmGridSkeleton() {
  return (
    <FilmGrid busy>
      {Array.from({ length: 8 }, (_, index) => (
        <li
          key={index}
          aria-hidden="true"
          className="grid grid-cols-[7.5rem_1fr] gap-4 sm:flex sm:flex-col sm:gap-3"
        >
          <Skeleton className="aspect-2/3 w-full" />
          <div>
            <Skeleton className="h-7 w-4/5" />
            <Skeleton className="mt-1.5 h-4 w-3/5" />
            <Skeleton className="mt-2.5 h-4 w-2/5" />
            <Skeleton className="mt-3 h-32 w-full" />
          </div>
        </li>
      ))}
    </FilmGrid>
  );
}

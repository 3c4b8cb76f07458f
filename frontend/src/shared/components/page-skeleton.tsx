import { text } from '@/shared/text';

import { Skeleton } from './skeleton';

/** Holds a page's place while its code is fetched. */
export function PageSkeleton() {
  return (
    <div role="status" className="mx-auto w-full max-w-6xl px-4 py-7 sm:px-6 sm:py-12">
      <span className="sr-only">{text.common.loading}</span>
      <Skeleton className="h-12 w-72 max-w-full" />
      <Skeleton className="mt-10 h-64 w-full" />
    </div>
  );
}

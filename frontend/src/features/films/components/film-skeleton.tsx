import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

/** As large as FilmDetails will be. */
export function FilmSkeleton() {
  return (
    <div role="status">
      <span className="sr-only">{text.common.loading}</span>
      <div className="grid gap-6 sm:gap-8 sm:grid-cols-[minmax(0,15rem)_1fr] lg:grid-cols-[minmax(0,19rem)_1fr] lg:gap-12">
        <Skeleton className="aspect-2/3 w-full max-w-56 sm:max-w-none" />
        <div>
          <Skeleton className="h-32 w-full max-w-prose" />
          <Skeleton className="mt-6 h-44 w-full max-w-md" />
        </div>
      </div>
      <Skeleton className="mt-12 h-9 w-48" />
      <Skeleton className="mt-9 h-96 w-full" />
    </div>
  );
}

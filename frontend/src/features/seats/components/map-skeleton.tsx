import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

/** As large as a middling room with its panel. */
export function MapSkeleton() {
  return (
    <div role="status" className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <span className="sr-only">{text.seats.loading}</span>
      <div>
        <Skeleton className="mb-3 h-12 w-full" />
        <Skeleton className="aspect-[5/4] max-h-[78dvh] min-h-72 w-full rounded-card" />
        <Skeleton className="mt-4 h-14 w-full" />
      </div>
      <Skeleton className="h-32 w-full rounded-card max-lg:order-first" />
    </div>
  );
}

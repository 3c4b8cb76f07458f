/** The place of what is still to come, as large as it will be. Name the size in className. */
export function Skeleton({ className = '' }: { className?: string }) {
  return (
    <div aria-hidden="true" data-skeleton className={`animate-pulse rounded-lg bg-raised ${className}`} />
  );
}

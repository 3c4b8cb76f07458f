import { useEffect, useRef, useState } from 'react';

import { isApiError, sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

interface MoreButtonProps<T> {
  /** Of useInfiniteQuery. */
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage: () => Promise<{ data: T | undefined; isError: boolean }>;
    refetch: () => unknown;
  };
  label: string;
  failed: string;
  /** The element that the first of what is new stands in, by id, and how much is shown now in words. */
  arrived: (data: T) => { first: string | undefined; shown: string };
}

/** Gets the next page of a list, says so, and moves on to the first thing on it: the button may be gone then. */
export function MoreButton<T>({ query, label, failed, arrived }: MoreButtonProps<T>) {
  const [first, setFirst] = useState<string>();
  const reached = useRef<string>(undefined);
  // After every render: the page is drawn some time after its answer is known here.
  useEffect(() => {
    const element = first === undefined || first === reached.current ? null : document.getElementById(first);
    if (!element) return;
    reached.current = first;
    element.focus();
  });

  async function more() {
    const { data, isError } = await query.fetchNextPage();
    if (data === undefined || isError) return;
    const { first: id, shown } = arrived(data);
    setFirst(id);
    announce(shown);
  }

  if (query.isFetchNextPageError && !query.isFetchingNextPage) {
    // The place in the list is too old, or it has changed: it is read from the beginning.
    const again = isApiError(query.error, 'invalid_request') ? query.refetch : more;
    return (
      <div className="mt-8">
        <Notice
          tone="bad"
          title={failed}
          action={<Button onClick={() => void again()}>{text.common.tryAgain}</Button>}
        >
          {sentenceFor(query.error)}
        </Notice>
      </div>
    );
  }
  return (
    query.hasNextPage && (
      <div className="mt-8 flex justify-center">
        <Button look="secondary" busy={query.isFetchingNextPage} onClick={() => void more()}>
          {label}
        </Button>
      </div>
    )
  );
}

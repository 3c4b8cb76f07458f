import { useEffect, useState } from 'react';

import { Spinner } from '@/shared/components/spinner';
import { text } from '@/shared/text';

const SLOW_AFTER = 15_000;

interface WaitingProps {
  title: string;
  sentence: string;
}

/** Money is there, and something must still happen; after a while it says that nobody need watch. */
export function Waiting({ title, sentence }: WaitingProps) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" className="rounded-card border border-line bg-raised p-6">
      <p className="flex items-center gap-3 text-lg font-semibold">
        <Spinner />
        {title}
      </p>
      <p className="mt-2">{sentence}</p>
      {slow && <p className="mt-2 text-muted">{text.checkout.views.booking.slow}</p>}
    </div>
  );
}

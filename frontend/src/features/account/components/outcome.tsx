import { useEffect, useRef, type ComponentProps } from 'react';

import { Notice } from '@/shared/components/notice';

/** What came of a form, in its place: it takes the focus that the form had, and so is read out. */
export function Outcome(notice: ComponentProps<typeof Notice>) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return (
    <div ref={ref} tabIndex={-1} className="outline-none">
      <Notice {...notice} />
    </div>
  );
}

import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'react-router';

import { text } from '@/shared/text';

interface PageProps {
  title: string;
  /** A sentence under the title. */
  lead?: ReactNode;
  /** narrow: a form or a text. wide: lists and the seat map. */
  width?: 'narrow' | 'wide';
  children?: ReactNode;
}

/** A page's frame: its one h1, the title of the tab, and the focus after a navigation. */
export function Page({ title, lead, width = 'wide', children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { key, pathname } = useLocation();
  // Where the visit began. Its key goes with the first change of the query, which is no navigation.
  const [arrivedAt] = useState(key === 'default' ? pathname : undefined);
  useEffect(() => {
    document.title = `${title} · ${text.common.name}`;
  }, [title]);
  useEffect(() => {
    if (pathname !== arrivedAt) heading.current?.focus({ preventScroll: true });
  }, [arrivedAt, pathname]);
  return (
    <div
      className={`mx-auto w-full px-4 py-7 sm:px-6 sm:py-12 ${width === 'narrow' ? 'max-w-lg' : 'max-w-6xl'}`}
    >
      <h1
        ref={heading}
        tabIndex={-1}
        className="font-display text-4xl tracking-tight text-balance sm:text-5xl"
      >
        {title}
      </h1>
      {lead && <p className="mt-2 text-lg text-pretty text-muted sm:mt-3">{lead}</p>}
      <div className="mt-6 sm:mt-8">{children}</div>
    </div>
  );
}

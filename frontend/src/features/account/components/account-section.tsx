import { useId, type ReactNode, type Ref } from 'react';

interface AccountSectionProps {
  title: string;
  lead?: string;
  /** Takes the focus when what had it is gone. */
  headingRef?: Ref<HTMLHeadingElement>;
  children: ReactNode;
}

/** One thing to change on the account page. */
export function AccountSection({ title, lead, headingRef, children }: AccountSectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="rounded-card border border-line bg-surface p-6">
      <h2 ref={headingRef} id={id} tabIndex={-1} className="font-display text-2xl outline-none">
        {title}
      </h2>
      {lead && <p className="mt-1 text-muted">{lead}</p>}
      <div className="mt-4">{children}</div>
    </section>
  );
}

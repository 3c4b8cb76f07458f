import type { ReactNode } from 'react';

import { Page } from '@/shared/components/page';

interface FormPageProps {
  title: string;
  lead?: string;
  /** What is to know first. */
  before?: ReactNode;
  after?: ReactNode;
  /** The form. */
  children: ReactNode;
}

/** A page with one form. */
export function FormPage({ title, lead, before, after, children }: FormPageProps) {
  return (
    <Page title={title} lead={lead} width="narrow">
      {before && <div className="mb-5">{before}</div>}
      <div className="rounded-card border border-line bg-surface p-6 sm:p-8">{children}</div>
      {after}
    </Page>
  );
}

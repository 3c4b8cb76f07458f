import type { ReactNode } from 'react';

type Tone = 'info' | 'good' | 'warn' | 'bad';

const TONES: Record<Tone, string> = {
  info: 'border-line bg-raised text-ink',
  good: 'border-good bg-good-ground text-good',
  warn: 'border-warn bg-warn-ground text-warn',
  bad: 'border-bad bg-bad-ground text-bad',
};

interface NoticeProps {
  tone?: Tone;
  title?: string;
  children?: ReactNode;
  /** A way on: a button or a link. */
  action?: ReactNode;
}

/** Something to know. A bad one is read out at once. */
export function Notice({ tone = 'info', title, children, action }: NoticeProps) {
  return (
    <div
      role={tone === 'bad' ? 'alert' : undefined}
      className={`rounded-card border px-4 py-3 ${TONES[tone]}`}
    >
      {title && <p className="font-semibold">{title}</p>}
      {children}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

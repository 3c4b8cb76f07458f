import type { ComponentProps } from 'react';
import { Link } from 'react-router';

import { Spinner } from './spinner';

type Look = 'primary' | 'secondary' | 'quiet';

const SHAPE =
  'inline-flex min-h-11 items-center justify-center gap-2 rounded-full py-2 font-semibold transition-colors ' +
  'aria-disabled:cursor-not-allowed aria-disabled:opacity-60 disabled:cursor-not-allowed disabled:opacity-60';

const LOOKS: Record<Look, string> = {
  primary: 'bg-accent px-6 text-on-accent hover:bg-accent-strong',
  secondary: 'border border-edge bg-surface px-6 text-ink hover:bg-raised',
  quiet: 'px-3 text-accent underline-offset-4 hover:underline',
};

export interface ButtonProps extends ComponentProps<'button'> {
  look?: Look;
  /** Work is under way: the button keeps its place and its focus, and takes no further click. */
  busy?: boolean;
}

export function Button({
  look = 'primary',
  busy = false,
  className = '',
  children,
  onClick,
  type = 'button',
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={busy || undefined}
      className={`${SHAPE} ${LOOKS[look]} ${className}`}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

interface ButtonLinkProps extends ComponentProps<typeof Link> {
  look?: Look;
}

/** A link that looks like a button. */
export function ButtonLink({ look = 'primary', className = '', ...rest }: ButtonLinkProps) {
  return <Link {...rest} className={`${SHAPE} ${LOOKS[look]} ${className}`} />;
}

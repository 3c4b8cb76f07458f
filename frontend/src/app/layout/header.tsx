import { Link } from 'react-router';

import { useGuest } from '@/api/session';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { Logo } from './logo';
import { SessionLinks } from './session-links';
import { ThemeToggle } from './theme-toggle';

export function Header() {
  // A guest has two links in words, beside which a phone has no room for the name.
  const hidesName = useGuest() ? 'max-[26rem]:sr-only' : 'max-[22rem]:sr-only';
  return (
    <header className="sticky top-0 z-10 border-b border-line bg-canvas">
      <div className="mx-auto flex min-h-16 max-w-6xl items-center gap-x-1 px-4 sm:gap-x-4 sm:px-6">
        <Link
          to={paths.films()}
          className="flex min-h-11 min-w-11 items-center font-display text-2xl tracking-tight"
        >
          <span className="flex items-baseline gap-2 sm:gap-2.5">
            <Logo />
            <span className={hidesName}>{text.common.name}</span>
          </span>
        </Link>
        <nav aria-label={text.common.nav.label} className="ml-auto flex items-center sm:gap-x-3">
          <SessionLinks />
        </nav>
        <ThemeToggle />
      </div>
    </header>
  );
}

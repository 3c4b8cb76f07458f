/** A screen and the row before it. */
export function Logo() {
  return (
    <svg viewBox="0 0 28 20" aria-hidden="true" className="h-5.5 w-auto">
      <path d="M2 3q12-3 24 0" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
      <g className="fill-accent">
        <rect x="2" y="12" width="6.5" height="8" rx="2" />
        <rect x="10.75" y="12" width="6.5" height="8" rx="2" />
        <rect x="19.5" y="12" width="6.5" height="8" rx="2" />
      </g>
    </svg>
  );
}

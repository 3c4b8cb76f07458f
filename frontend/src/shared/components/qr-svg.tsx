interface QrSvgProps {
  label: string;
  /** A square of size modules, the dark ones as a path. */
  qr: { size: number; path: string };
}

/** Black on white in the dark, too: doors and phones read nothing else. */
export function QrSvg({ label, qr: { size, path } }: QrSvgProps) {
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="aspect-square w-full rounded-lg"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

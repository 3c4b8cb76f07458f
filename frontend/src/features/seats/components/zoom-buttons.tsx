import { text } from '@/shared/text';

import type { Zoom } from '../hooks/use-zoom';

const BUTTON =
  'grid size-11 place-items-center text-xl leading-none hover:bg-raised disabled:text-muted disabled:opacity-50';

export function ZoomButtons({ zoom, largest, zoomIn, zoomOut, fit }: Zoom) {
  const words = text.seats.zoom;
  return (
    <div
      role="group"
      aria-label={words.label}
      className="flex overflow-hidden rounded-full border border-line bg-surface"
    >
      <button type="button" aria-label={words.out} disabled={zoom <= 1} onClick={zoomOut} className={BUTTON}>
        −
      </button>
      <button type="button" aria-label={words.fit} disabled={zoom <= 1} onClick={fit} className={BUTTON}>
        <svg viewBox="0 0 20 20" aria-hidden="true" className="size-5 fill-none stroke-current stroke-2">
          <path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4" />
        </svg>
      </button>
      <button
        type="button"
        aria-label={words.in}
        disabled={zoom >= largest - 0.01}
        onClick={zoomIn}
        className={BUTTON}
      >
        +
      </button>
    </div>
  );
}

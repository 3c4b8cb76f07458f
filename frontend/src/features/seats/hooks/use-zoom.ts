import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';

/** A finger needs so many pixels. */
const FINGER = 48;
const STEP = 1.6;

interface Point {
  x: number;
  y: number;
}

/**
 * How large the picture in a scrolling frame is, 1 being all of it. The frame scrolls by itself, with fingers too; two
 * fingers, Ctrl and the wheel, and the buttons zoom; a mouse drags.
 */
export function useZoom(seatsAcross: number) {
  const frame = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(1);
  const [width, setWidth] = useState(0);
  const anchor = useRef<{ at: Point; place: Point }>(undefined);
  const current = useRef(zoom);
  const seatWidth = (width / seatsAcross) * zoom;
  const largest = Math.max(3, width === 0 ? 3 : (FINGER * seatsAcross) / width);

  const zoomTo = useCallback(
    (next: number, at?: Point) => {
      const element = frame.current;
      const to = Math.min(largest, Math.max(1, next));
      if (!element || to === current.current) return;
      const box = element.getBoundingClientRect();
      const point = at ? { x: at.x - box.left, y: at.y - box.top } : { x: box.width / 2, y: box.height / 2 };
      anchor.current = {
        at: point,
        place: {
          x: (element.scrollLeft + point.x) / element.scrollWidth,
          y: (element.scrollTop + point.y) / element.scrollHeight,
        },
      };
      current.current = to;
      setZoom(to);
    },
    [largest],
  );

  // What was under the fingers stays there.
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element || !anchor.current) return;
    const { at, place } = anchor.current;
    element.scrollLeft = place.x * element.scrollWidth - at.x;
    element.scrollTop = place.y * element.scrollHeight - at.y;
    anchor.current = undefined;
  }, [zoom]);

  useEffect(() => {
    const element = frame.current;
    if (!element || typeof ResizeObserver === 'undefined') return;
    const observer = new ResizeObserver(() => setWidth(element.querySelector('svg')?.clientWidth ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useGestures(frame, current, zoomTo);

  const controls = {
    zoom,
    largest,
    seatWidth,
    zoomIn: () => zoomTo(zoom * STEP),
    zoomOut: () => zoomTo(zoom / STEP),
    fit: () => zoomTo(1),
    /** So close that a finger hits one seat. */
    zoomToSeat: (at: Point) => zoomTo((zoom * FINGER) / seatWidth, at),
  };
  return [frame, controls] as const;
}

export type Zoom = ReturnType<typeof useZoom>[1];

type ZoomTo = (next: number, at?: Point) => void;

function useGestures(frame: RefObject<HTMLElement | null>, current: RefObject<number>, zoomTo: ZoomTo): void {
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const over = new AbortController();
    const on = { signal: over.signal };
    const strictly = { ...on, passive: false };
    let pinch: { apart: number; zoom: number } | undefined;
    let drag: { x: number; y: number; moved: boolean } | undefined;

    const apart = ([a, b]: Touch[]) =>
      a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
    element.addEventListener(
      'touchmove',
      (event) => {
        const touches = [...event.touches];
        const [a, b] = touches;
        if (touches.length !== 2 || !a || !b) return;
        // Not where the frame scrolls already: the browser keeps that gesture to itself.
        if (event.cancelable) event.preventDefault();
        pinch ??= { apart: apart(touches), zoom: current.current };
        const middle = { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2 };
        if (pinch.apart > 0) zoomTo((pinch.zoom * apart(touches)) / pinch.apart, middle);
      },
      strictly,
    );
    element.addEventListener('touchend', () => (pinch = undefined), on);
    element.addEventListener('touchcancel', () => (pinch = undefined), on);
    element.addEventListener(
      'wheel',
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        zoomTo(current.current * Math.exp(-event.deltaY / 200), { x: event.clientX, y: event.clientY });
      },
      strictly,
    );
    element.addEventListener(
      'pointerdown',
      (event) => {
        if (event.pointerType === 'mouse' && event.button === 0)
          drag = { x: event.clientX, y: event.clientY, moved: false };
      },
      on,
    );
    addEventListener(
      'pointermove',
      (event) => {
        if (!drag) return;
        const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
        if (!drag.moved && Math.hypot(x, y) < 6) return;
        element.scrollBy(-x, -y);
        drag = { x: event.clientX, y: event.clientY, moved: true };
      },
      on,
    );
    // After a drag the click that the browser makes of it is no choice.
    element.addEventListener(
      'click',
      (event) => {
        if (drag?.moved) event.stopPropagation();
        drag = undefined;
      },
      { ...on, capture: true },
    );
    addEventListener('pointerup', () => setTimeout(() => (drag = undefined)), on);
    return () => over.abort();
  }, [frame, current, zoomTo]);
}

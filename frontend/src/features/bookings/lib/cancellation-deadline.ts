/** The instant that a booking's cancellable_until names, in milliseconds; Infinity when the cinema cancelled the showtime. */
export const cancellableUntil = (until: string): number =>
  until === 'infinity' ? Infinity : Date.parse(until);

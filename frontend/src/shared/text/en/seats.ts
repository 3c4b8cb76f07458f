import { some } from './plural';

export const seats = {
  title: 'Choose your seats',
  where: (day: string, time: string, auditorium: string, theater: string) =>
    `${day}, ${time} · ${auditorium}, ${theater}`,
  loading: 'Loading seat map …',
  screen: 'Screen',
  map: 'Seat map. Use the arrow keys to move, Enter to choose.',
  list: 'Seats by row',
  asMap: 'Map',
  asList: 'List',
  view: 'Seat view',
  rowOf: (row: string) => `Row ${row}`,
  kinds: {
    standard: 'Standard',
    premium: 'Premium',
    wheelchair: 'Wheelchair space',
    companion: 'Companion',
    love: 'Love seat (per person)',
  },
  states: {
    free: 'free',
    mine: 'yours',
    held: 'on hold',
    booked: 'sold',
    bought: 'bought by you',
    closed: 'not for sale',
  },
  legend: {
    title: 'Key',
    free: 'Free',
    mine: 'Yours',
    held: 'On hold',
    booked: 'Sold',
    bought: 'Bought by you',
  },
  label: (row: string, number: number, kind: string, price: string, state: string) =>
    [`Row ${row}, seat ${number}`, kind, price, state].filter(Boolean).join(', '),
  zoom: {
    label: 'Zoom',
    in: 'Zoom in',
    out: 'Zoom out',
    fit: 'Fit to screen',
  },
  left: (count: number) => (count === 0 ? 'No seats left' : `${some(count, 'seat', 'seats')} left`),
  live: 'Live',
  delayed: 'Updates are delayed',
  panel: {
    title: 'Your seats',
    empty: 'Choose a seat on the map. We hold it for 10 minutes.',
    count: (count: number) => some(count, 'seat', 'seats'),
    total: 'Total',
    show: 'Show seats',
    hide: 'Hide seats',
    release: (seat: string) => `Remove ${seat}`,
    releaseAll: 'Clear selection',
    continue: 'Continue to payment',
    heldFor: 'Held for you',
    soon: 'Time is running out',
  },
  pending: {
    title: 'You have an unpaid order for this showtime',
    sentence: 'Complete it, or cancel it to choose other seats.',
    action: 'Go to payment',
  },
  soldOut: { title: 'Sold out', sentence: 'Released seats appear here straight away.' },
  closed: {
    title: 'This showtime is no longer on sale',
    sentence: 'It has started. There may be another showtime.',
  },
  cancelled: {
    title: 'This showtime has been cancelled',
    sentence: 'Everyone who booked is refunded.',
  },
  unknown: { title: 'Showtime not found', sentence: 'The address may be mistyped.' },
  otherShowtimes: (title: string) => `Other showtimes of ${title}`,
  offline: 'You are offline. You can choose seats again once you are back online.',
  noMap: 'We couldn’t load the seat map',
  taken: (names: string[]) =>
    names.length === 1
      ? `Seat ${names[0] ?? ''} was just taken. Please choose another.`
      : `Seats ${names.join(', ')} were just taken. Please choose others.`,
  limit: (limit: number) => `You have ${limit} seats, the most you can book per showtime.`,
  orSignIn: (sentence: string) => `${sentence} If you have an account, sign in instead.`,
  expired: 'Your hold expired and the seats were released. Choose others, or wait a few minutes.',
  human: {
    title: 'One quick check',
    sentence: 'Many people are choosing seats right now. Please confirm that you are a person.',
    verifying: 'Checking …',
    expired: 'That check expired. Please try again.',
    blocked: 'The check could not be loaded. A content blocker may be the reason.',
    missing: 'This showtime is very busy right now. Please try again in a few minutes.',
  },
  notFree: (seat: string, state: string) => `Seat ${seat} is ${state}.`,
  said: {
    held: (seat: string, left: string) => `Seat ${seat} is yours for ${left}.`,
    released: (seat: string) => `Seat ${seat} removed.`,
    releasedAll: 'Selection cleared.',
    left: (minutes: number, seconds: number) =>
      minutes > 0
        ? `Your seats are held for ${some(minutes, 'more minute', 'more minutes')}.`
        : `Your seats are held for ${some(seconds, 'more second', 'more seconds')}.`,
    changes: (taken: number, freed: number) =>
      [
        taken > 0 ? `${some(taken, 'seat was', 'seats were')} taken.` : '',
        freed > 0 ? `${some(freed, 'seat', 'seats')} became available.` : '',
      ]
        .filter(Boolean)
        .join(' '),
    zoomed: 'Zoomed in. Tap a seat to choose it.',
  },
  held: {
    label: 'Seats held for you',
    sentence: (seats: string[], title: string) => `${seats.join(', ')} for ${title}`,
    back: 'Back to your seats',
  },
};

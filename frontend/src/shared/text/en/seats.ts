const some = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

export const seats = {
  title: 'Choose your seats',
  where: (day: string, time: string, auditorium: string, theater: string) =>
    `${day}, ${time} · ${auditorium}, ${theater}`,
  loading: 'The seat map is being read …',
  screen: 'Screen',
  map: 'Seat map. Arrow keys walk, Enter chooses.',
  list: 'Seats by row',
  asMap: 'Map',
  asList: 'List',
  view: 'How the seats are shown',
  rowOf: (row: string) => `Row ${row}`,
  kinds: {
    standard: 'Standard',
    premium: 'Premium',
    wheelchair: 'Wheelchair place',
    companion: 'Companion',
    love: 'Love seat, one half',
  },
  states: {
    free: 'free',
    mine: 'yours',
    held: 'held by somebody',
    booked: 'sold',
    bought: 'bought by you',
    closed: 'not for sale',
  },
  legend: {
    title: 'What the signs mean',
    free: 'Free',
    mine: 'Yours',
    held: 'Somebody is choosing it',
    booked: 'Sold',
    bought: 'Bought by you',
  },
  label: (row: string, number: number, kind: string, price: string, state: string) =>
    [`Row ${row}, seat ${number}`, kind, price, state].filter(Boolean).join(', '),
  zoom: {
    label: 'Zoom',
    in: 'Zoom in',
    out: 'Zoom out',
    fit: 'Show the whole room',
    hint: 'Tap the room to come closer, then tap a seat.',
  },
  left: (count: number) => (count === 0 ? 'No seats left' : `${some(count, 'seat', 'seats')} left`),
  live: 'Live',
  delayed: 'Updates are delayed',
  panel: {
    title: 'Your seats',
    empty: 'Choose a seat on the map. It is held for you, and a clock shows for how long.',
    emptyGuest: 'Choose a seat on the map. You sign in once to have it held for you.',
    count: (count: number) => some(count, 'seat', 'seats'),
    total: 'Total',
    show: 'Show the seats',
    hide: 'Hide the seats',
    release: (seat: string) => `Give back ${seat}`,
    releaseAll: 'Give all back',
    continue: 'Continue to payment',
    heldFor: 'Held for you',
    soon: 'Time is running short',
  },
  pending: {
    title: 'You have begun to pay for this showtime',
    sentence: 'Finish that booking, or cancel it there to choose other seats.',
    action: 'Go to the payment',
  },
  soldOut: { title: 'Sold out', sentence: 'If somebody gives a seat back, it shows here at once.' },
  closed: {
    title: 'Seats for this showtime are no longer sold',
    sentence: 'It has begun. There may be another showtime.',
  },
  cancelled: {
    title: 'This showtime is cancelled',
    sentence: 'Whoever had paid gets the money back.',
  },
  unknown: { title: 'There is no such showtime', sentence: 'The address may be mistyped.' },
  otherShowtimes: (title: string) => `Other showtimes of ${title}`,
  offline: 'You are offline. Seats can be chosen again once you are back.',
  noMap: 'The seat map could not be read',
  taken: (names: string[]) =>
    names.length === 1
      ? `Seat ${names[0] ?? ''} was just taken. Please choose another.`
      : `Seats ${names.join(', ')} were just taken. Please choose others.`,
  limit: (limit: number) => `You have ${limit} seats, and one person may take no more for a showtime.`,
  expired: 'Your time is over and your seats are free again. Please choose once more.',
  notFree: (seat: string, state: string) => `Seat ${seat} is ${state}.`,
  said: {
    held: (seat: string, left: string) => `Seat ${seat} is yours for ${left}.`,
    released: (seat: string) => `Seat ${seat} is given back.`,
    releasedAll: 'All seats are given back.',
    left: (minutes: number, seconds: number) =>
      minutes > 0
        ? `Your seats are held for ${some(minutes, 'more minute', 'more minutes')}.`
        : `Your seats are held for ${seconds} more seconds.`,
    changes: (taken: number, freed: number) =>
      [
        taken > 0 ? `${some(taken, 'seat was', 'seats were')} taken.` : '',
        freed > 0 ? `${some(freed, 'seat', 'seats')} came free.` : '',
      ]
        .filter(Boolean)
        .join(' '),
    zoomed: 'Closer. Tap a seat to choose it.',
  },
  held: {
    label: 'Seats held for you',
    sentence: (seats: string[], title: string) => `${seats.join(', ')} for ${title}`,
    back: 'Back to your seats',
  },
};

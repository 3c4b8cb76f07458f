const key = (showtimeId: number) => `frontrow.wanted-seat.${showtimeId}`;

/** Keep the seat that a guest wanted, in this tab, while he signs in. */
export function keepWanted(showtimeId: number, seatId: number): void {
  try {
    sessionStorage.setItem(key(showtimeId), String(seatId));
  } catch {
    // Storage is forbidden here: the seat is chosen again by hand.
  }
}

/** The seat that was wanted before signing in, once. */
export function takeWanted(showtimeId: number): number | undefined {
  try {
    const wanted = Number(sessionStorage.getItem(key(showtimeId)));
    sessionStorage.removeItem(key(showtimeId));
    return wanted > 0 ? wanted : undefined;
  } catch {
    return undefined;
  }
}

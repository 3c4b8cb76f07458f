/** Put each showtime's theater in the place of its id. Answers name each theater once, beside the showtimes. */
export function placed<S extends { theater_id: number }, T extends { id: number }>(
  showtimes: readonly S[],
  theaters: readonly T[],
) {
  const byId = new Map(theaters.map((theater) => [theater.id, theater]));
  return showtimes.flatMap(({ theater_id, ...showtime }) => {
    const theater = byId.get(theater_id);
    return theater ? [{ ...showtime, theater }] : [];
  });
}

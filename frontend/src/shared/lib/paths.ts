/** The addresses of the page. */
export const paths = {
  films: () => '/',
  film: (slug: string) => `/films/${slug}`,
  showtime: (id: number) => `/showtimes/${id}`,
  checkout: (bookingId: string) => `/checkout/${bookingId}`,
  bookings: () => '/bookings',
  booking: (id: string) => `/bookings/${id}`,
  signIn: (returnTo?: string) => `/sign-in${returnQuery(returnTo)}`,
  register: (returnTo?: string) => `/register${returnQuery(returnTo)}`,
  forgot: (returnTo?: string) => `/forgot${returnQuery(returnTo)}`,
  reset: () => '/reset',
  verify: () => '/verify',
  account: () => '/account',
  goodbye: () => '/goodbye',
};

/** Where to go after signing in: the path that was asked for if it is on this site, else the films. */
export function safeReturn(asked: string | null): string {
  if (!asked?.startsWith('/')) return paths.films();
  const origin = 'https://frontrow.invalid';
  if (!URL.canParse(asked, origin)) return paths.films();
  const url = new URL(asked, origin);
  // `/.//host` is on this site, but what is left of it once the dots are gone, `//host`, is not.
  if (url.origin !== origin || url.pathname.startsWith('//')) return paths.films();
  return url.pathname + url.search + url.hash;
}

function returnQuery(path: string | undefined): string {
  return path && path !== paths.films() ? `?return=${encodeURIComponent(path)}` : '';
}

import { useEffect, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';

/**
 * The token of the link in an email, undefined if there is none. It comes after the # of the address, which no server
 * sees, and is taken out at once, so that neither the history nor who looks over a shoulder keeps it.
 */
export function useLinkToken(): string | undefined {
  const { hash, pathname, search } = useLocation();
  const navigate = useNavigate();
  const given = hash.slice(1);
  const [token, setToken] = useState(given);
  // Another link may be opened in this very page: where only the # differs, browsers load nothing anew.
  if (given !== '' && given !== token) setToken(given);
  useEffect(() => {
    if (given !== '') void navigate({ pathname, search }, { replace: true });
  }, [given, navigate, pathname, search]);
  return token === '' ? undefined : token;
}

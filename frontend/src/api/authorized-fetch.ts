import type { Session } from './session/session';

/**
 * The fetch of the Data API's client. A token may be refused before its time is over, because its key was revoked: then
 * it asks once more with the next one, if there is a next one. A second refusal is final.
 */
export function createAuthorizedFetch(session: Pick<Session, 'accessTokenAfter'>): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (response.status !== 401) return response;
    const headers = new Headers(init?.headers);
    const refused = headers.get('Authorization')?.replace(/^Bearer /, '');
    const next = refused === undefined ? null : await session.accessTokenAfter(refused);
    if (next === null) return response;
    headers.set('Authorization', `Bearer ${next}`);
    return fetch(input, { ...init, headers });
  };
}

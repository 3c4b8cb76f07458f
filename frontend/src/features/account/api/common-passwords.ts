import { useQuery } from '@tanstack/react-query';

/** The list of backend/passwords.py, which refuses what is on it, in lower case. A chunk of its own. */
export async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { default: list } = await import('@common-passwords');
  return new Set(list.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
}

/** Undefined until somebody types a new password, and where the list cannot be had: then the server says. */
export function useCommonPasswords(wanted: boolean): ReadonlySet<string> | undefined {
  const { data } = useQuery({
    queryKey: ['common-passwords'],
    queryFn: loadCommonPasswords,
    enabled: wanted,
    staleTime: Infinity,
  });
  return data;
}

import { useMutation } from '@tanstack/react-query';

import { session } from '@/api/session';

/** `onSignedOut` is called even if the component is gone by then, as pages of one's own are. */
export function useSignOut(onSignedOut: () => void) {
  return useMutation({
    mutationFn: ({ everywhere }: { everywhere: boolean }) => session.leave(everywhere),
    onSuccess: onSignedOut,
  });
}

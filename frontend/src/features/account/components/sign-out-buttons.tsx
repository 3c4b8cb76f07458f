import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { useSignOut } from '../api/sign-out';

export function SignOutButtons({ onSignedOut }: { onSignedOut: () => void }) {
  const signOut = useSignOut(() => {
    announce(text.account.signedOut);
    onSignedOut();
  });
  const words = text.account.account;
  const leave = (everywhere: boolean) => signOut.mutate({ everywhere });
  return (
    <div className="flex flex-col items-start gap-4">
      {signOut.isError && <Notice tone="bad">{sentenceFor(signOut.error)}</Notice>}
      <Button look="secondary" busy={signOut.isPending} onClick={() => leave(false)}>
        {words.signOut}
      </Button>
      <div>
        <Button look="secondary" busy={signOut.isPending} onClick={() => leave(true)}>
          {words.signOutEverywhere}
        </Button>
        <p className="mt-2 text-sm text-muted">{words.everywhereHint}</p>
      </div>
    </div>
  );
}

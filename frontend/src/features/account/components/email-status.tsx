import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

import type { useAccount } from '../api/account';
import { useSendVerification } from '../api/send-verification';

/** Whether one's address is proven, and the link once more where it is not. */
export function EmailStatus({ account }: { account: ReturnType<typeof useAccount> }) {
  const send = useSendVerification();
  const { email: words } = text.account;
  // As high in each state, so that nothing below moves once it is known. A phone has the button below the words.
  const row =
    'flex min-h-18 flex-col items-start sm:min-h-11 sm:flex-row sm:flex-wrap sm:items-center sm:gap-x-2';
  if (account.isLoading) {
    return (
      <div className={row}>
        <Skeleton className="h-5 w-32" />
      </div>
    );
  }
  if (!account.data) {
    return (
      <div className={row}>
        <span className="text-muted">{words.unknown}</span>
        <Button
          look="quiet"
          className="max-sm:-ml-3"
          busy={account.isFetching}
          onClick={() => void account.refetch()}
        >
          {text.common.tryAgain}
        </Button>
      </div>
    );
  }
  if (account.data.email_verified) {
    return (
      <div className={row}>
        <span className="text-good">{words.confirmed}</span>
      </div>
    );
  }
  return (
    <>
      <div className={row}>
        <span className="text-warn">{words.unconfirmed}</span>
        <Button look="quiet" className="max-sm:-ml-3" busy={send.isPending} onClick={() => send.mutate()}>
          {words.send}
        </Button>
      </div>
      {send.isError && <Notice tone="bad">{sentenceFor(send.error)}</Notice>}
      <div role="status">{send.data && <Notice tone="good">{words.sent(send.data.sent_to)}</Notice>}</div>
    </>
  );
}

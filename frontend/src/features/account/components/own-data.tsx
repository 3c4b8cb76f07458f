import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { useDownloadOwnData } from '../api/own-data';
import { AccountSection } from './account-section';

/** All that is kept about one, to take along. */
export function OwnData() {
  const download = useDownloadOwnData();
  const words = text.account.data;
  return (
    <AccountSection title={words.title} lead={words.lead}>
      {download.isError && (
        <div className="mb-4">
          <Notice tone="bad">{sentenceFor(download.error)}</Notice>
        </div>
      )}
      <Button
        look="secondary"
        busy={download.isPending}
        onClick={() => download.mutate(undefined, { onSuccess: () => announce(words.done) })}
      >
        {words.download}
      </Button>
    </AccountSection>
  );
}

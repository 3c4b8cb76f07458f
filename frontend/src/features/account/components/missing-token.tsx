import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

/** In place of what a link would do: it was cut short, or its page was opened once more. */
export function MissingToken() {
  const { missing, missingSentence } = text.account.link;
  return (
    <Notice tone="warn" title={missing}>
      {missingSentence}
    </Notice>
  );
}

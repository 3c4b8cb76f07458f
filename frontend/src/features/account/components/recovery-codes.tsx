import { useEffect, useRef, useState } from 'react';

import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { announce } from '@/shared/lib/announce';
import { saveFile } from '@/shared/lib/save-file';
import { text } from '@/shared/text';

interface RecoveryCodesProps {
  codes: readonly string[];
  onDone: () => void;
}

/** For the day on which the phone is lost. The server has their hashes alone, so nothing shows them again. */
export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [failed, setFailed] = useState(false);
  const words = text.secondFactor.codes;
  useEffect(() => heading.current?.focus(), []);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(codes.join('\n'));
      setFailed(false);
      announce(words.copied);
    } catch {
      setFailed(true); // forbidden, or a page without https
    }
  };

  return (
    <div className="flex flex-col gap-4">
      <div>
        <h3 ref={heading} tabIndex={-1} className="text-lg font-semibold outline-none">
          {words.title}
        </h3>
        <p className="text-muted">{words.lead}</p>
      </div>
      <ul aria-label={words.list} className="grid gap-x-6 gap-y-1 font-mono sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code} className="wrap-anywhere">
            {code}
          </li>
        ))}
      </ul>
      {failed && <Notice tone="bad">{words.notCopied}</Notice>}
      <div className="flex flex-wrap gap-3">
        <Button look="secondary" onClick={() => void copy()}>
          {words.copy}
        </Button>
        <Button
          look="secondary"
          onClick={() => saveFile('frontrow-recovery-codes.txt', 'text/plain', `${codes.join('\n')}\n`)}
        >
          {words.download}
        </Button>
        <Button onClick={onDone}>{words.done}</Button>
      </div>
    </div>
  );
}

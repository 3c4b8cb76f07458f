import { useEffect, useEffectEvent, useRef, useState } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Dialog } from '@/shared/components/dialog';
import { Notice } from '@/shared/components/notice';
import { Spinner } from '@/shared/components/spinner';
import { text } from '@/shared/text';

import { loadWidget, passHumanCheck, siteKey, type Widget } from '../api/human-check';

interface HumanCheckProps {
  open: boolean;
  onPassed: () => void;
  onClose: () => void;
}

/** Asks whoever chooses a seat in a rush to show that they are a person. */
export function HumanCheck({ open, onPassed, onClose }: HumanCheckProps) {
  return (
    <Dialog title={text.seats.human.title} open={open} onClose={onClose}>
      <Check onPassed={onPassed} onClose={onClose} />
    </Dialog>
  );
}

function Check({ onPassed, onClose }: Pick<HumanCheckProps, 'onPassed' | 'onClose'>) {
  const place = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<'loading' | 'asking' | 'verifying'>('loading');
  const [problem, setProblem] = useState<string>();
  const [attempt, setAttempt] = useState(0);
  const words = text.seats.human;
  const passed = useEffectEvent(onPassed);

  useEffect(() => {
    let shown: { widget: Widget; id: string } | undefined;
    let gone = false;

    function fail(sentence: string) {
      if (gone) return;
      setState('asking');
      setProblem(sentence);
    }

    async function verify(token: string) {
      setState('verifying');
      setProblem(undefined);
      try {
        await passHumanCheck(token);
        if (!gone) passed();
      } catch (error) {
        fail(sentenceFor(error));
        if (!gone) shown?.widget.reset(shown.id);
      }
    }

    loadWidget().then(
      (widget) => {
        if (gone || !place.current) return;
        const id = widget.render(place.current, {
          sitekey: siteKey(),
          callback: (token) => void verify(token),
          'error-callback': () => fail(text.errors.human_check_unavailable),
          'expired-callback': () => fail(words.expired),
        });
        shown = { widget, id };
        setState('asking');
      },
      () => fail(words.blocked),
    );
    return () => {
      gone = true;
      shown?.widget.remove(shown.id);
    };
  }, [attempt, words]);

  function again() {
    setProblem(undefined);
    setState('loading');
    setAttempt((before) => before + 1);
  }

  return (
    <>
      <p>{words.sentence}</p>
      <div ref={place} className="my-4 min-h-16" />
      <p role="status" className="flex items-center gap-2 text-muted">
        {state !== 'asking' && <Spinner />}
        {state === 'loading' && text.common.loading}
        {state === 'verifying' && words.verifying}
      </p>
      {problem !== undefined && <Notice tone="bad">{problem}</Notice>}
      <div className="mt-6 flex flex-wrap gap-3">
        {problem !== undefined && <Button onClick={again}>{text.common.tryAgain}</Button>}
        <Button look="secondary" onClick={onClose}>
          {text.common.cancel}
        </Button>
      </div>
    </>
  );
}

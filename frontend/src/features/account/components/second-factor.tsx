import { useRef, useState } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { announce } from '@/shared/lib/announce';
import { formatDate } from '@/shared/lib/format';
import { viewersZone } from '@/shared/lib/time-zone';
import { text } from '@/shared/text';

import type { useSecondFactor } from '../api/second-factor';
import { AccountSection } from './account-section';
import { FormOpener } from './form-opener';
import { RecoveryCodes } from './recovery-codes';
import { SecondFactorRemoval } from './second-factor-removal';
import { SecondFactorSetUp } from './second-factor-set-up';

/** A code besides the password: set up, told of, turned off. */
export function SecondFactor({ factor }: { factor: ReturnType<typeof useSecondFactor> }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Here and not below: they are shown once, whatever is read anew meanwhile.
  const [codes, setCodes] = useState<readonly string[]>();
  const words = text.secondFactor;

  return (
    <AccountSection title={words.title} headingRef={heading}>
      {codes ? (
        <RecoveryCodes
          codes={codes}
          onDone={() => {
            setCodes(undefined);
            announce(words.codes.turnedOn);
            heading.current?.focus();
          }}
        />
      ) : factor.isLoading ? (
        <div role="status">
          <span className="sr-only">{words.loading}</span>
          <Skeleton className="h-24" />
        </div>
      ) : !factor.data ? (
        <Notice
          tone="bad"
          action={
            <Button look="secondary" busy={factor.isFetching} onClick={() => void factor.refetch()}>
              {text.common.tryAgain}
            </Button>
          }
        >
          {sentenceFor(factor.error)}
        </Notice>
      ) : factor.data.confirmed_at === null ? (
        <>
          {factor.data.is_demanded && (
            <div className="mb-4">
              <Notice tone="warn">{words.demanded}</Notice>
            </div>
          )}
          <p className="mb-4">{words.off}</p>
          <FormOpener key="off" label={words.setUp.open}>
            {(close) => <SecondFactorSetUp onClose={close} onConfirmed={setCodes} />}
          </FormOpener>
        </>
      ) : (
        <>
          <p>{words.on(formatDate(factor.data.confirmed_at, viewersZone()))}</p>
          <p className={factor.data.recovery_codes_left === 0 ? 'mb-4 text-warn' : 'mb-4 text-muted'}>
            {words.left(factor.data.recovery_codes_left)}
          </p>
          <FormOpener key="on" label={words.turnOff.open}>
            {(close) => (
              <SecondFactorRemoval
                onClose={close}
                onRemoved={() => {
                  announce(words.turnOff.done);
                  heading.current?.focus();
                }}
              />
            )}
          </FormOpener>
        </>
      )}
    </AccountSection>
  );
}

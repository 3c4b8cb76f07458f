import { useRef, type ReactNode } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { useEndSession, type useOwnSessions } from '../api/own-sessions';
import { deviceName } from '../lib/device-name';
import { AccountSection } from './account-section';
import { Device } from './device';

interface DevicesProps {
  sessions: ReturnType<typeof useOwnSessions>;
  /** What ends sessions whether or not the list can be had. */
  children: ReactNode;
}

/** Where one is signed in, and ways to end it. */
export function Devices({ sessions, children }: DevicesProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const end = useEndSession();
  const words = text.account.devices;
  const endingId = end.isPending ? end.variables.id : undefined;
  return (
    <AccountSection title={words.title} headingRef={heading}>
      {children}
      <div className="mt-6 flex flex-col gap-4">
        {end.isError && <Notice tone="bad">{sentenceFor(end.error)}</Notice>}
        {sessions.isLoading && (
          <div role="status">
            <span className="sr-only">{words.loading}</span>
            <Skeleton className="h-24" />
          </div>
        )}
        {!sessions.data && sessions.error && (
          <Notice
            tone="bad"
            action={
              <Button look="secondary" busy={sessions.isFetching} onClick={() => void sessions.refetch()}>
                {text.common.tryAgain}
              </Button>
            }
          >
            {sentenceFor(sessions.error)}
          </Notice>
        )}
        {sessions.data && (
          <ul className="divide-y divide-line border-t border-line">
            {sessions.data.sessions.map((session) => (
              <Device
                key={session.id}
                session={session}
                now={Date.parse(sessions.data.server_time)}
                busy={session.id === endingId}
                onEnd={() =>
                  end.mutate(session, {
                    onSuccess: () => {
                      announce(words.ended(deviceName(session.user_agent)));
                      heading.current?.focus();
                    },
                  })
                }
              />
            ))}
          </ul>
        )}
      </div>
    </AccountSection>
  );
}

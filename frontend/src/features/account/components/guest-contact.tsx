import { useRef, useState } from 'react';

import type { Guest } from '@/api/session';
import { Button } from '@/shared/components/button';
import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { AccountSection } from './account-section';
import { ContactForm } from './contact-form';

interface GuestContactProps {
  guest: Guest;
  /** It is needed for what comes next. */
  asked: boolean;
  /** What the button of the form says that is asked for. */
  submit: string;
  /** Nothing can be changed at this moment. */
  disabled?: boolean;
  onSaved?: () => void;
}

/** Where a guest's tickets go: asked for, or shown and changed. */
export function GuestContact({ guest, asked, submit, disabled = false, onSaved }: GuestContactProps) {
  const [changing, setChanging] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const words = text.account.contact;
  // The form goes with the focus in it.
  const close = () => {
    setChanging(false);
    heading.current?.focus();
  };
  return (
    <AccountSection title={words.title} headingRef={heading}>
      {asked || changing ? (
        <ContactForm
          guest={guest}
          submit={asked ? submit : words.save}
          onSaved={() => {
            announce(words.saved);
            close();
            onSaved?.();
          }}
          onClose={asked ? undefined : close}
        />
      ) : (
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-3">
          <p className="min-w-0 wrap-anywhere">
            {guest.full_name}
            <span className="block text-muted">{guest.email}</span>
          </p>
          <Button look="secondary" disabled={disabled} onClick={() => setChanging(true)}>
            {words.change}
          </Button>
        </div>
      )}
    </AccountSection>
  );
}

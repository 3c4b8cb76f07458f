import { useEffect, useRef, useState } from 'react';

import type { User } from '@/api/session';
import { Button } from '@/shared/components/button';
import { text } from '@/shared/text';

import { NameForm } from './name-form';

/** What one is known by, and a way to change one's name. */
export function OwnAccount({ user }: { user: User }) {
  const [renaming, setRenaming] = useState(false);
  const change = useRef<HTMLButtonElement>(null);
  const renamed = useRef(false);
  const { fields, rename } = text.account;
  useEffect(() => {
    // Back to where the form was opened from, which was gone meanwhile.
    if (renaming) renamed.current = true;
    else if (renamed.current) change.current?.focus();
  }, [renaming]);
  return (
    <div className="rounded-card border border-line bg-surface p-6">
      {renaming ? (
        <NameForm name={user.full_name} onClose={() => setRenaming(false)} />
      ) : (
        <dl>
          <dt className="text-sm text-muted">{fields.fullName}</dt>
          <dd className="text-lg wrap-anywhere">{user.full_name}</dd>
          <dd className="mt-2">
            <Button ref={change} look="secondary" onClick={() => setRenaming(true)}>
              {rename.open}
            </Button>
          </dd>
        </dl>
      )}
      <dl className="mt-4">
        <dt className="text-sm text-muted">{fields.email}</dt>
        <dd className="text-lg wrap-anywhere">{user.email}</dd>
      </dl>
    </div>
  );
}

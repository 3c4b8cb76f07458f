import type { ReactNode, SubmitEventHandler } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

interface AuthFormProps {
  /** What the server refused, if no field says it. */
  error: Error | null;
  busy: boolean;
  submit: string;
  onSubmit: SubmitEventHandler<HTMLFormElement>;
  /** Where the form can be given up. */
  onCancel?: () => void;
  /** The fields. */
  children: ReactNode;
}

/** The shape of the forms of an account. */
export function AuthForm({ error, busy, submit, onSubmit, onCancel, children }: AuthFormProps) {
  return (
    <form noValidate onSubmit={onSubmit} className="flex flex-col gap-5">
      {error && <Notice tone="bad">{sentenceFor(error)}</Notice>}
      {children}
      <div className="flex flex-wrap gap-3">
        <Button type="submit" busy={busy} className={onCancel ? '' : 'w-full'}>
          {submit}
        </Button>
        {onCancel && (
          <Button look="secondary" onClick={onCancel}>
            {text.common.cancel}
          </Button>
        )}
      </div>
    </form>
  );
}

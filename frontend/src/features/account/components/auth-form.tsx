import type { ReactNode, SubmitEventHandler } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';

interface AuthFormProps {
  /** What the server refused, if no field says it. */
  error: Error | null;
  busy: boolean;
  submit: string;
  onSubmit: SubmitEventHandler<HTMLFormElement>;
  /** The fields. */
  children: ReactNode;
}

/** The shape of the forms of sign-in and register. */
export function AuthForm({ error, busy, submit, onSubmit, children }: AuthFormProps) {
  return (
    <form noValidate onSubmit={onSubmit} className="flex flex-col gap-5">
      {error && <Notice tone="bad">{sentenceFor(error)}</Notice>}
      {children}
      <Button type="submit" busy={busy}>
        {submit}
      </Button>
    </form>
  );
}

import type { ReactNode } from 'react';

import { Button } from './button';
import { Dialog } from './dialog';
import { Notice } from './notice';

interface ConfirmDialogProps {
  title: string;
  open: boolean;
  /** What will happen. */
  children: ReactNode;
  confirm: string;
  keep: string;
  busy: boolean;
  /** Why it did not happen. */
  problem: string | undefined;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that cannot be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, open, children, confirm, keep, busy, problem, onConfirm, onClose } = props;
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      {children}
      {problem !== undefined && (
        <div className="mt-4">
          <Notice tone="bad">{problem}</Notice>
        </div>
      )}
      <div className="mt-6 flex flex-wrap gap-3">
        <Button busy={busy} onClick={onConfirm}>
          {confirm}
        </Button>
        <Button look="secondary" onClick={onClose}>
          {keep}
        </Button>
      </div>
    </Dialog>
  );
}

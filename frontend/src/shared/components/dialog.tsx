import { useEffect, useId, useRef, type ReactNode } from 'react';

import { text } from '@/shared/text';

interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** A modal question. The browser keeps the focus inside, gives it back, and closes on Escape. */
export function Dialog({ title, open, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || !open) return;
    dialog.showModal();
    return () => dialog.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      className="m-auto w-[min(32rem,calc(100vw-2rem))] rounded-card border border-line bg-surface p-6 text-ink backdrop:bg-black/60"
    >
      <div className="mb-4 flex items-start justify-between gap-4">
        <h2 id={id} className="font-display text-2xl">
          {title}
        </h2>
        <button
          type="button"
          aria-label={text.common.close}
          onClick={onClose}
          className="-mt-1.5 -mr-3 size-11 shrink-0 rounded-full text-2xl leading-none text-muted hover:bg-raised hover:text-ink"
        >
          ×
        </button>
      </div>
      {open && children}
    </dialog>
  );
}

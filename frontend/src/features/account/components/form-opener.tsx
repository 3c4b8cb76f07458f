import { useEffect, useRef, useState, type ReactNode } from 'react';

import { Button } from '@/shared/components/button';

interface FormOpenerProps {
  label: string;
  /** The form, given what closes it. */
  children: (close: () => void) => ReactNode;
  onOpen?: () => void;
}

/** A button that gives its place to a form, and takes it back with the focus. */
export function FormOpener({ label, children, onOpen }: FormOpenerProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  useEffect(() => {
    if (open) wasOpen.current = true;
    else if (wasOpen.current) button.current?.focus();
  }, [open]);
  if (open) return children(() => setOpen(false));
  return (
    <Button
      ref={button}
      look="secondary"
      onClick={() => {
        onOpen?.();
        setOpen(true);
      }}
    >
      {label}
    </Button>
  );
}

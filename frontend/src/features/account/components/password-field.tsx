import { useEffect, useRef, useState, type ComponentProps } from 'react';

import { Field } from '@/shared/components/field';
import { text } from '@/shared/text';

import { Eye } from './eye';

type PasswordFieldProps = Omit<ComponentProps<typeof Field>, 'type' | 'end'>;

/** A password, and a button that shows it. Hidden again before it is sent, or browsers would remember it as a word. */
export function PasswordField(props: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const form = button.current?.form;
    const hide = () => setShown(false);
    form?.addEventListener('submit', hide);
    return () => form?.removeEventListener('submit', hide);
  }, []);
  return (
    <Field
      {...props}
      type={shown ? 'text' : 'password'}
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      end={
        <button
          ref={button}
          type="button"
          aria-label={text.account.fields.showPassword}
          aria-pressed={shown}
          title={text.account.fields.showPassword}
          onClick={() => setShown(!shown)}
          className="grid size-11 place-items-center rounded-lg text-muted hover:text-ink aria-pressed:text-accent"
        >
          <Eye crossedOut={shown} />
        </button>
      }
    />
  );
}

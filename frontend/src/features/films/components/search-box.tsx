import { useEffect, useId, useRef, useState } from 'react';

import { text } from '@/shared/text';

const PAUSE = 250;

interface SearchBoxProps {
  value: string | undefined;
  /** Called when the typing pauses. */
  onChange: (value: string | undefined) => void;
}

export function SearchBox({ value = '', onChange }: SearchBoxProps) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  // Cleared, or changed by going back: what stands in the address wins over what stands here.
  if (value !== told) {
    setTold(value);
    if (value !== typed.trim()) setTyped(value);
  }
  useEffect(() => () => clearTimeout(timer.current), []);

  const tell = (words: string) => {
    clearTimeout(timer.current);
    onChange(words.trim() === '' ? undefined : words.trim());
  };

  return (
    <form
      role="search"
      className="flex min-w-0 flex-col gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        tell(typed);
      }}
    >
      <label htmlFor={id} className="text-sm font-medium">
        {text.films.search.label}
      </label>
      <input
        id={id}
        type="search"
        value={typed}
        placeholder={text.films.search.placeholder}
        autoComplete="off"
        enterKeyHint="search"
        onChange={({ target }) => {
          setTyped(target.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tell(target.value), PAUSE);
        }}
        className="min-h-11 w-full min-w-0 rounded-lg border border-edge bg-surface px-3 text-ink placeholder:text-muted"
      />
    </form>
  );
}

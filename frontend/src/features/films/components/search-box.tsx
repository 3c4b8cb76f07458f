import { useEffect, useId, useState } from 'react';

import { text } from '@/shared/text';

import { LONGEST } from '../lib/film-filters';

const PAUSE = 250;

interface SearchBoxProps {
  value: string | undefined;
  /** Called when the typing pauses. */
  onChange: (value: string | undefined) => void;
}

export function SearchBox({ value = '', onChange }: SearchBoxProps) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const [applied, setApplied] = useState(value);

  // Cleared, or changed by going back: what stands in the address wins over what stands here.
  if (value !== applied) {
    setApplied(value);
    if (value !== typed.trim()) setTyped(value);
  }
  // With the latest onChange: an older one knows nothing of a filter that was chosen during the pause.
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onChange(typed.trim() || undefined), PAUSE);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);

  return (
    <form
      role="search"
      className="flex min-w-0 flex-col gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(typed.trim() || undefined);
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
        maxLength={LONGEST}
        onChange={({ target }) => setTyped(target.value)}
        className="min-h-11 w-full min-w-0 rounded-lg border border-edge bg-surface px-3 text-ink placeholder:text-muted"
      />
    </form>
  );
}

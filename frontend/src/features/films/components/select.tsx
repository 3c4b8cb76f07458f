import { useId, type ReactNode } from 'react';

interface SelectProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  /** What is chosen where nothing is. */
  all: string;
  children: ReactNode;
}

/** One filter; the first option is to have none. */
export function Select({ label, value, onChange, all, children }: SelectProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <select
        id={id}
        value={value ?? ''}
        onChange={({ target }) => onChange(target.value === '' ? undefined : target.value)}
        className={`min-h-11 w-full min-w-0 rounded-lg border bg-surface px-3 text-ink ${value === undefined ? 'border-edge' : 'border-accent ring-1 ring-accent'}`}
      >
        <option value="">{all}</option>
        {children}
      </select>
    </div>
  );
}

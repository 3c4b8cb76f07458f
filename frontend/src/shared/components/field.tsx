import { useId, type ComponentProps, type ReactNode } from 'react';

interface FieldProps extends ComponentProps<'input'> {
  label: string;
  /** What is asked for, said before it can be wrong. */
  hint?: string | undefined;
  /** A sentence, or one with a way on in it. */
  error?: ReactNode;
  /** What stands inside the input, at its end: a button. */
  end?: ReactNode;
  /** What stands below the hint. */
  children?: ReactNode;
}

/** A labelled input with its hint and its error. Takes what `register` of React Hook Form answers. */
export function Field({ label, hint, error, end, className = '', children, ...input }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <div className={`flex min-w-0 flex-col gap-1.5 ${className}`}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          {...input}
          id={id}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
          className={`min-h-11 w-full min-w-0 rounded-lg border border-edge bg-surface pl-3 text-ink aria-invalid:border-bad ${end ? 'pr-12' : 'pr-3'}`}
        />
        {end && <div className="absolute inset-y-0 right-0 flex items-center">{end}</div>}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      )}
      {children}
      {error && (
        <p id={`${id}-error`} className="text-sm font-medium text-bad">
          {error}
        </p>
      )}
    </div>
  );
}

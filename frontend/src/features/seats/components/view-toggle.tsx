import { text } from '@/shared/text';

export type View = 'map' | 'list';

interface ViewToggleProps {
  view: View;
  onChange: (view: View) => void;
}

export function ViewToggle({ view, onChange }: ViewToggleProps) {
  const words = text.seats;
  const names = { map: words.asMap, list: words.asList };
  return (
    <div
      role="group"
      aria-label={words.view}
      className="flex rounded-full border border-line bg-surface p-0.5"
    >
      {(['map', 'list'] as const).map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={view === each}
          onClick={() => onChange(each)}
          className="min-h-11 rounded-full px-4 font-medium text-muted aria-pressed:bg-raised aria-pressed:text-ink"
        >
          {names[each]}
        </button>
      ))}
    </div>
  );
}

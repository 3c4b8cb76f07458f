import { announcement } from '../lib/announce';
import { useStore } from '../lib/store';

/** Where announce() speaks. The layout has one. */
export function LiveRegion() {
  return (
    <div aria-live="polite" className="sr-only">
      {useStore(announcement)}
    </div>
  );
}

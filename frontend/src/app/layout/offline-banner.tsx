import { useOnline } from '@/shared/lib/use-online';
import { text } from '@/shared/text';

export function OfflineBanner() {
  const online = useOnline();
  return (
    <div role="status">
      {!online && (
        <p className="bg-warn-ground px-4 py-2 text-center font-medium text-warn">{text.common.offline}</p>
      )}
    </div>
  );
}

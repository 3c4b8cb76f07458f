import { Navigate } from 'react-router';

import { useDeparture } from '@/features/account/lib/departure';
import { ButtonLink } from '@/shared/components/button';
import { Page } from '@/shared/components/page';
import { formatDate, formatTime } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { viewersZone } from '@/shared/lib/time-zone';
import { text } from '@/shared/text';

export default function GoodbyePage() {
  const departure = useDeparture();
  const { goodbye, guest } = text.leaving;
  if (!departure) return <Navigate replace to={paths.films()} />;
  const { until } = departure;
  const words = departure.guest ? guest : goodbye;
  const zone = viewersZone();
  return (
    <Page
      title={goodbye.title}
      lead={until ? words.scheduled(`${formatDate(until, zone)}, ${formatTime(until, zone)}`) : words.deleted}
      width="narrow"
    >
      {until && <p className="mb-6">{words.keep}</p>}
      <ButtonLink to={paths.films()}>{text.common.toFilms}</ButtonLink>
    </Page>
  );
}

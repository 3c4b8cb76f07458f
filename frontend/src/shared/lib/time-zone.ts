/**
 * Zones that are younger than some browsers, and what those know instead: the name that the zone had before, or a zone
 * whose clocks show the same today.
 */
const OLDER: Readonly<Record<string, string>> = {
  'America/Ciudad_Juarez': 'America/Denver',
  'America/Coyhaique': 'America/Punta_Arenas',
  'America/Nuuk': 'America/Godthab',
  'Asia/Ho_Chi_Minh': 'Asia/Saigon',
  'Asia/Kathmandu': 'Asia/Katmandu',
  'Asia/Kolkata': 'Asia/Calcutta',
  'Asia/Qostanay': 'Asia/Aqtobe',
  'Asia/Yangon': 'Asia/Rangoon',
  'Europe/Kyiv': 'Europe/Kiev',
  'Pacific/Kanton': 'Pacific/Enderbury',
};

const known = new Map<string, string>();

/**
 * That zone by a name which this browser knows; UTC where it knows none. Intl throws at any other, and one theater in
 * such a zone would take the whole list of films down.
 */
export function knownZone(name: string): string {
  const found = known.get(name) ?? [name, OLDER[name]].find(isKnown) ?? 'UTC';
  known.set(name, found);
  return found;
}

function isKnown(name: string | undefined): name is string {
  if (name === undefined) return false;
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** The zone of the device. */
export function viewersZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

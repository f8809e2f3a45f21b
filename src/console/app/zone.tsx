import type { ReactNode } from 'react';
import { zoneName, type Zone } from './formats.ts';
import { usePlace } from './place.tsx';
import { useStored } from './stored.ts';

/** The time zone in which moments are shown; undefined: the browser's own. */
export function useZone(): string | undefined {
  const { program } = usePlace();
  const [zone] = useStored<Zone>('zone', 'program');
  return zoneName(zone, program.timezone);
}

export function ZoneChoice(): ReactNode {
  const { program } = usePlace();
  const [zone, store] = useStored<Zone>('zone', 'program');
  return (
    <select aria-label="Time zone" value={zone} onChange={(event) => store(event.target.value as Zone)}>
      <option value="program">{program.timezone}</option>
      {program.timezone !== 'UTC' && <option value="utc">UTC</option>}
      <option value="mine">my time</option>
    </select>
  );
}

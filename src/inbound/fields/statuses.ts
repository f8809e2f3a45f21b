/** What a tracker's status word means, the least binding first. */
export type TrackerState = 'lead' | 'hold' | 'sale' | 'rejected';

/** The sender's words and the states they stand for; matching ignores case. */
export interface StatusTable {
  states: ReadonlyMap<string, TrackerState>;
  /** A word that the table does not have: refused, or recorded as `unknown`, which pays nothing. */
  unknownWord: 'refused' | 'recorded';
}

export function buildStatusTable(
  statuses: Readonly<Record<string, TrackerState>>,
  unknownWord: StatusTable['unknownWord'],
): StatusTable {
  const states = new Map(Object.entries(statuses).map(([word, state]) => [word.trim().toLowerCase(), state]));
  return { states, unknownWord };
}

/** Our own four words, for senders who speak them. */
export const ownStatuses = { lead: 'lead', hold: 'hold', sale: 'sale', rejected: 'rejected' } as const;

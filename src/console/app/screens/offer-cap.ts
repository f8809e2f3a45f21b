import { formatCount } from '../formats.ts';
import type { Offer } from '../types.ts';

/** Pure: how much of today's cap is used. */
export function capOf({ dailyCap, capUsedToday = 0 }: Offer): string {
  return dailyCap === 0 ? 'no cap' : `${formatCount(capUsedToday)} of ${formatCount(dailyCap)}`;
}

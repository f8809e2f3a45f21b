import type { UseQueryResult } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { dayOf } from '../formats.ts';
import { usePlace } from '../place.tsx';
import type { Stats } from '../types.ts';

export const periods = [7, 30, 90] as const;

/** How many days the figures are of; it stands in the address. */
export function useDays(): number {
  const [params] = useSearchParams();
  const asked = Number(params.get('days'));
  return periods.find((days) => days === asked) ?? 30;
}

/** The figures of these days, and day by day. All who ask share one call. */
export function useFigures(): UseQueryResult<Stats> {
  const days = useDays();
  const { program } = usePlace();
  const startDate = dayOf(new Date(), program.timezone, days - 1);
  return useOne<Stats>('/stats', { query: { startDate, groupBy: 'day' }, everyMs: 60_000 });
}

/** The currencies in which there is any money, the program's own first. */
export function currenciesOf(own: string, ...found: readonly { currency: string }[][]): string[] {
  const others = new Set(found.flat().map(({ currency }) => currency));
  const hasOwn = others.delete(own) || others.size === 0;
  return [...(hasOwn ? [own] : []), ...[...others].sort()];
}

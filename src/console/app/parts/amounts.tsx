import type { ReactNode } from 'react';
import { formatMoney } from '../formats.ts';

interface Amount {
  currency: string;
  minor: number;
}

/** Amounts of several currencies in one place: all of them, or the first and how many there are beside it. */
export function Amounts({ of, isShort = false }: { of: readonly Amount[]; isShort?: boolean }): ReactNode {
  const there = of.filter(({ minor }) => minor !== 0);
  if (there.length === 0) return <span className="quiet">—</span>;
  const words = there.map(({ minor, currency }) => formatMoney(minor, currency));
  if (!isShort) return <span className="number amounts">{words.join(', ')}</span>;
  return (
    <span className="number" title={words.join(', ')}>
      {words[0]}
      {words.length > 1 && <span className="quiet"> +{words.length - 1}</span>}
    </span>
  );
}

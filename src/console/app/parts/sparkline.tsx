import type { ReactNode } from 'react';
import { formatCount } from '../formats.ts';

export interface Bar {
  succeeded: number;
  failed: number;
}

const BAR_PX = 4;
const UP_PX = 18;
const DOWN_PX = 8;

/** 24 hours at a glance: up what succeeded, down what failed, so that it is told without colour. */
export function Sparkline({ bars }: { bars: readonly Bar[] }): ReactNode {
  const most = Math.max(1, ...bars.map(({ succeeded }) => succeeded));
  const mostFailed = Math.max(1, ...bars.map(({ failed }) => failed));
  const sum = (field: keyof Bar): number => bars.reduce((total, bar) => total + bar[field], 0);
  const label = `${formatCount(sum('succeeded'))} succeeded, ${formatCount(sum('failed'))} failed`;
  return (
    <svg
      className="sparkline"
      width={bars.length * BAR_PX}
      height={UP_PX + DOWN_PX}
      role="img"
      aria-label={`In 24 hours: ${label}`}
    >
      <title>{label}</title>
      {bars.map(({ succeeded, failed }, index) => {
        const up = heightOf(succeeded, most, UP_PX);
        const down = heightOf(failed, mostFailed, DOWN_PX - 1);
        return (
          // eslint-disable-next-line react/no-array-index-key
          <g key={index}>
            <rect x={index * BAR_PX} y={UP_PX - up} width={BAR_PX - 1} height={up} className="up" />
            <rect x={index * BAR_PX} y={UP_PX + 1} width={BAR_PX - 1} height={down} className="down" />
          </g>
        );
      })}
      <line x1="0" x2={bars.length * BAR_PX} y1={UP_PX + 0.5} y2={UP_PX + 0.5} />
    </svg>
  );
}

/** What there is at all is seen. */
function heightOf(count: number, most: number, px: number): number {
  return count === 0 ? 0 : Math.max(2, Math.round((count / most) * px));
}

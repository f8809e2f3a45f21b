import type { ReactNode } from 'react';
import { formatCount } from '../formats.ts';

export interface Bar {
  succeeded: number;
  failed: number;
}

const sizes = { small: { bar: 4, up: 18, down: 8 }, large: { bar: 20, up: 80, down: 32 } };

/** 24 hours at a glance: up what succeeded, down what failed, so that it is told without colour. */
export function Sparkline({ bars, size = 'small' }: { bars: readonly Bar[]; size?: keyof typeof sizes }): ReactNode {
  const { bar: barPx, up: upPx, down: downPx } = sizes[size];
  const most = Math.max(1, ...bars.map(({ succeeded }) => succeeded));
  const mostFailed = Math.max(1, ...bars.map(({ failed }) => failed));
  const sum = (field: keyof Bar): number => bars.reduce((total, bar) => total + bar[field], 0);
  const label = `${formatCount(sum('succeeded'))} succeeded, ${formatCount(sum('failed'))} failed`;
  return (
    <svg
      className="sparkline"
      width={bars.length * barPx}
      height={upPx + downPx}
      viewBox={`0 0 ${bars.length * barPx} ${upPx + downPx}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`In 24 hours: ${label}`}
    >
      <title>{label}</title>
      {bars.map(({ succeeded, failed }, index) => {
        const up = heightOf(succeeded, most, upPx);
        const down = heightOf(failed, mostFailed, downPx - 1);
        return (
          // eslint-disable-next-line react/no-array-index-key
          <g key={index}>
            <rect x={index * barPx} y={upPx - up} width={barPx - 1} height={up} className="up" />
            <rect x={index * barPx} y={upPx + 1} width={barPx - 1} height={down} className="down" />
          </g>
        );
      })}
      <line x1="0" x2={bars.length * barPx} y1={upPx + 0.5} y2={upPx + 0.5} />
    </svg>
  );
}

/** What there is at all is seen. */
function heightOf(count: number, most: number, px: number): number {
  return count === 0 ? 0 : Math.max(2, Math.round((count / most) * px));
}

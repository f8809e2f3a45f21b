import { useEffect, useRef, useState, type ReactNode } from 'react';
import UPlot from 'uplot';
import { useStored } from '../stored.ts';

interface Props {
  /** What it shows, in a sentence. */
  label: string;
  /** Days, oldest first. */
  dates: readonly string[];
  lines: readonly { title: string; values: readonly number[] }[];
}

const HEIGHT_PX = 240;
const axisNumbers = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const pointNumbers = new Intl.NumberFormat();
const axisDays = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** Lines over days, as wide as there is room. What the pointer is at is told below, in words. */
export function Plot({ label, dates, lines }: Props): ReactNode {
  const room = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const scheme = useScheme();
  useEffect(() => {
    const element = room.current;
    if (!element) return undefined;
    const colours = coloursOf(element, lines.length);
    const axis = { stroke: colours.quiet, grid: { stroke: colours.line, width: 1 }, ticks: { show: false } };
    const plot = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'UTC'),
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { y: { range: (_plot, least, most) => [Math.min(0, least), most <= 0 ? 1 : most * 1.1] } },
        axes: [
          { ...axis, values: (_plot, splits) => splits.map((seconds) => axisDays.format(seconds * 1_000)), space: 70 },
          { ...axis, values: (_plot, splits) => splits.map((value) => axisNumbers.format(value)), size: 56 },
        ],
        series: [
          {},
          ...lines.map(({ title }, index) => ({
            label: title,
            stroke: colours.lines[index] ?? colours.quiet,
            width: 2,
            points: { show: false },
            // Told apart without colours, too.
            ...(index === 0 ? {} : { dash: [6, 4] }),
          })),
        ],
        hooks: { setCursor: [({ cursor }) => setAt(cursor.idx ?? null)] },
      },
      [dates.map((date) => Date.parse(date) / 1_000), ...lines.map(({ values }) => [...values])],
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [dates, lines, scheme]);
  const date = at === null ? undefined : dates[at];
  return (
    <>
      <div ref={room} className="plot" role="img" aria-label={label} />
      <p className="plot-point quiet" aria-hidden="true">
        {at === null || date === undefined
          ? ' '
          : `${date}: ${lines.map(({ title, values }) => `${title} ${pointNumbers.format(values[at] ?? 0)}`).join(', ')}`}
      </p>
    </>
  );
}

/** A canvas knows no custom properties: they are read where it stands. */
function coloursOf(element: HTMLElement, count: number): { quiet: string; line: string; lines: string[] } {
  const probe = document.createElement('span');
  element.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    quiet: read('--quiet'),
    line: read('--line'),
    lines: Array.from({ length: count }, (_, index) => read(`--line-${index}`)),
  };
  probe.remove();
  return colours;
}

/** Changes when the colours do. */
function useScheme(): string {
  const [theme] = useStored('theme', 'system');
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const listen = (): void => setDark(query.matches);
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, []);
  return `${theme} ${isDark}`;
}

import { oneLine } from '../domain/printable.ts';

export interface Column {
  title: string;
  /** Numbers read best aligned to the right. */
  align?: 'left' | 'right';
}

/** A table in plain text: a title row, a rule, the rows; columns two spaces apart, as wide as their widest cell. */
export function formatTable(columns: readonly Column[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(oneLine));
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => widthOf(row[index] ?? ''))));
  const line = (row: readonly string[]) =>
    columns
      .map(({ align }, index) => pad(row[index] ?? '', widths[index] ?? 0, align ?? 'left'))
      .join('  ')
      .trimEnd();
  return [line(titles), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

const segmenter = new Intl.Segmenter('en');

/** Characters as people count them; what is wider than one cell of a terminal is not expected here. */
function widthOf(text: string): number {
  return Array.from(segmenter.segment(text)).length;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? space + text : text + space;
}

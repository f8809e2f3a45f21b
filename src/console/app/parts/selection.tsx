import { useState, type ReactNode } from 'react';
import { formatCount } from '../formats.ts';

/** Which rows of a list are chosen. */
export interface Selection {
  ids: ReadonlySet<string>;
  /** Of `rows`, the one at `index`; with `isRange` all from the one that was chosen before. */
  toggle: (rows: readonly { id: string }[], index: number, isRange: boolean) => void;
  /** All of these, or none where they are all chosen already. */
  toggleAll: (rows: readonly { id: string }[]) => void;
  clear: () => void;
}

/** What is chosen belongs to what the list shows: with other filters (`of`) nothing is. */
export function useSelection(of: unknown): Selection {
  const list = JSON.stringify(of);
  const [state, setState] = useState({ list, ids: new Set<string>(), last: -1 });
  const current = state.list === list ? state : { list, ids: new Set<string>(), last: -1 };
  return {
    ids: current.ids,
    toggle(rows, index, isRange) {
      const row = rows[index];
      if (!row) return;
      const isOn = !current.ids.has(row.id);
      const from = isRange && current.last >= 0 ? current.last : index;
      const ids = new Set(current.ids);
      for (const { id } of rows.slice(Math.min(from, index), Math.max(from, index) + 1)) {
        if (isOn) ids.add(id);
        else ids.delete(id);
      }
      setState({ list, ids, last: index });
    },
    toggleAll(rows) {
      const isAll = rows.every(({ id }) => current.ids.has(id));
      setState({ list, ids: isAll ? new Set() : new Set(rows.map(({ id }) => id)), last: -1 });
    },
    clear: () => setState({ list, ids: new Set(), last: -1 }),
  };
}

/** Chooses a row; with the shift key all up to the one that was chosen before. */
export function SelectRow(props: {
  rows: readonly { id: string }[];
  index: number;
  label: string;
  selection: Selection;
}): ReactNode {
  const { rows, index, label, selection } = props;
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={selection.ids.has(rows[index]?.id ?? '')}
      onChange={(event) => selection.toggle(rows, index, (event.nativeEvent as MouseEvent).shiftKey)}
    />
  );
}

/** Chooses all rows that are loaded. */
export function SelectLoaded({
  rows,
  selection,
}: {
  rows: readonly { id: string }[];
  selection: Selection;
}): ReactNode {
  const isAll = rows.length > 0 && rows.every(({ id }) => selection.ids.has(id));
  return (
    <input
      type="checkbox"
      aria-label="Select all that are loaded"
      checked={isAll}
      ref={(box) => {
        if (box) box.indeterminate = !isAll && selection.ids.size > 0;
      }}
      onChange={() => selection.toggleAll(rows)}
    />
  );
}

/** Says what the buttons in it are about: the selected, or all that match the filters. */
export function SelectionBar(props: {
  selection: Selection;
  /** Says what the buttons are about while nothing is selected. */
  otherwise: string;
  children: ReactNode;
}): ReactNode {
  const { selection, otherwise, children } = props;
  const count = selection.ids.size;
  return (
    <div className="selection" role="group" aria-label="Do with many">
      <span className={count === 0 ? 'quiet' : ''} role="status">
        {count === 0 ? otherwise : `${formatCount(count)} selected:`}
      </span>
      {children}
      {count > 0 && (
        <button type="button" className="plain" onClick={selection.clear}>
          Select none
        </button>
      )}
    </div>
  );
}

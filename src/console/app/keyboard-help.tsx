import type { ReactNode } from 'react';
import { useSingleKeys } from './keyboard.ts';
import { Dialog } from './parts/dialog.tsx';

interface Props {
  isOpen: boolean;
  close: () => void;
  screens: { title: string; keys: string }[];
}

const everywhere = [
  { title: 'Search', keys: '/ or Ctrl K' },
  { title: 'Next and previous row', keys: 'j and k' },
  { title: 'Open the row', keys: 'Enter' },
  { title: 'Select the row, to do something with many', keys: 'x' },
  { title: 'Close', keys: 'Esc' },
  { title: 'Replay or resend what is open (asks first)', keys: 'r' },
  { title: 'Copy the id of what is open', keys: 'c' },
  { title: 'This list', keys: '?' },
];

export function KeyboardHelp({ isOpen, close, screens }: Props): ReactNode {
  const [singleKeys, setSingleKeys] = useSingleKeys();
  return (
    <Dialog isOpen={isOpen} close={close} title="Keyboard">
      <dl className="pairs">
        {[...everywhere, ...screens].map(({ title, keys }) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>
              <kbd>{keys}</kbd>
            </dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={singleKeys} onChange={(event) => setSingleKeys(event.target.checked)} /> Single
        keys do this (Ctrl K always does)
      </label>
    </Dialog>
  );
}

import type { ReactNode } from 'react';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';

interface Props {
  isOpen: boolean;
  title: string;
  /** What the button says. */
  act: string;
  isBusy: boolean;
  error: Error | null;
  close: () => void;
  confirm: () => void;
  children: ReactNode;
}

/** Asks before something is done; what went wrong is told where it was asked. */
export function Confirm({ isOpen, title, act, isBusy, error, close, confirm, children }: Props): ReactNode {
  return (
    <Dialog isOpen={isOpen} close={close} title={title}>
      {children}
      {error && <Failure error={error} />}
      <p className="actions">
        <button type="button" className="main" disabled={isBusy} onClick={confirm} data-focus>
          {act}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </p>
    </Dialog>
  );
}

import { useEffect, useRef, type ReactNode } from 'react';

interface Props {
  isOpen: boolean;
  close: () => void;
  title: string;
  children: ReactNode;
}

/** A dialog of the browser's own: it holds the focus, and Esc closes it. */
export function Dialog({ isOpen, close, title, children }: Props): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) {
      dialog.current?.showModal();
      // The browser would take the first thing that can have the focus, which closes it.
      dialog.current?.querySelector<HTMLElement>('[data-focus]')?.focus();
    } else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      {isOpen && (
        <div className="dialog-inside">
          <header>
            <h2>{title}</h2>
            <button type="button" className="plain" onClick={close} aria-label="Close">
              ✕
            </button>
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}

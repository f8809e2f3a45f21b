import { useCallback, useSyncExternalStore } from 'react';

const PREFIX = 'tributary-';
const CHANGED = 'tributary-stored';

/** A choice of whoever looks, kept in their browser and seen by every part of the page at once. */
export function useStored<T extends string>(name: string, otherwise: T): [T, (value: T) => void] {
  const value = useSyncExternalStore(subscribe, () => localStorage.getItem(PREFIX + name) as T | null);
  const store = useCallback(
    (next: T) => {
      localStorage.setItem(PREFIX + name, next);
      window.dispatchEvent(new Event(CHANGED));
    },
    [name],
  );
  return [value ?? otherwise, store];
}

function subscribe(listen: () => void): () => void {
  window.addEventListener(CHANGED, listen);
  window.addEventListener('storage', listen);
  return () => {
    window.removeEventListener(CHANGED, listen);
    window.removeEventListener('storage', listen);
  };
}

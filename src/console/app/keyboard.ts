import { useEffect, useRef } from 'react';
import { useStored } from './stored.ts';

/** By keys: `r`, `/`, `ctrl+k`, or two after each other: `g i`. */
export type KeyActions = Readonly<Record<string, () => void>>;

/** The second of two keys has to come within so long. */
const SEQUENCE_MS = 1_200;

/** Single letters may be in the way of those who speak to their machine: they can be switched off. */
export function useSingleKeys(): [boolean, (on: boolean) => void] {
  const [stored, store] = useStored<'on' | 'off'>('single-keys', 'on');
  return [stored === 'on', (on) => store(on ? 'on' : 'off')];
}

/** Does what keys say while the component is there: never while somebody types, or a dialog is open. */
export function useKeys(actions: KeyActions): void {
  const current = useRef(actions);
  const [singleKeys] = useSingleKeys();
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const listen = (event: KeyboardEvent): void => {
      const isChord = event.ctrlKey || event.metaKey;
      if (event.defaultPrevented || event.altKey || (!isChord && (!singleKeys || isTyping(event.target)))) return;
      if (document.querySelector('dialog[open]')) return;
      // A button or a link that has the focus takes Enter itself.
      if (event.key === 'Enter' && event.target instanceof Element && event.target.matches('a, button, summary'))
        return;
      const key = isChord ? `ctrl+${event.key.toLowerCase()}` : event.key;
      const pair =
        first && event.timeStamp - first.at < SEQUENCE_MS ? current.current[`${first.key} ${key}`] : undefined;
      first = pair ? null : { key, at: event.timeStamp };
      const act = pair ?? current.current[key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [singleKeys]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

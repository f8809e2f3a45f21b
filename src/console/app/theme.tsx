import { useEffect, type ReactNode } from 'react';
import { useStored } from './stored.ts';

type Theme = 'system' | 'light' | 'dark';

/** Light, dark, or as the system is. */
export function ThemeChoice(): ReactNode {
  const [theme, store] = useStored<Theme>('theme', 'system');
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return (
    <select aria-label="Theme" value={theme} onChange={(event) => store(event.target.value as Theme)}>
      <option value="system">as the system</option>
      <option value="light">light</option>
      <option value="dark">dark</option>
    </select>
  );
}

import { lazy, type ComponentType } from 'react';

const RELOADED = 'tributary-console-reloaded';

/**
 * A screen that is loaded when it is first shown. Where its file is gone the hub was upgraded meanwhile: the page loads itself
 * anew, but not twice in a row.
 */
export function loadScreen(load: () => Promise<{ default: ComponentType }>): ComponentType {
  return lazy(() =>
    load().then(
      (screen) => {
        sessionStorage.removeItem(RELOADED);
        return screen;
      },
      (error: unknown) => {
        if (sessionStorage.getItem(RELOADED) !== null) throw error;
        sessionStorage.setItem(RELOADED, '1');
        location.reload();
        return new Promise<never>(() => undefined);
      },
    ),
  );
}

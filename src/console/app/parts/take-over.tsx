import type { ReactNode } from 'react';
import { usePlace } from '../place.tsx';
import { ChangeButton } from './change-button.tsx';

/** Makes live what a test key made; there is no way back. Shown in live mode alone. */
export function TakeOver({ path, name }: { path: string; name: string }): ReactNode {
  const { mode } = usePlace();
  if (mode === 'test') return null;
  return (
    <ChangeButton path={path} body={{ livemode: true }} act="Make live" question={`Make ${name} live?`}>
      <p>From then on it serves live traffic. It cannot become test again; the test clicks and orders stay test.</p>
    </ChangeButton>
  );
}

import type { ReactNode } from 'react';
import type { Query } from '../call.ts';
import { FileLink } from '../parts/files.tsx';

/** Files for whoever makes the payments. `noPayPal` says why PayPal would take none. */
export function PaymentFiles(props: { path: string; query: Query; what: string; noPayPal?: string | null }): ReactNode {
  const { path, query, what, noPayPal = null } = props;
  return (
    <p className="actions">
      <span className="quiet">{what}</span>
      {noPayPal === null && (
        <FileLink path={path} query={{ ...query, format: 'paypal' }}>
          PayPal
        </FileLink>
      )}
      <FileLink path={path} query={{ ...query, format: 'wise' }}>
        Wise
      </FileLink>
      <FileLink path={path} query={{ ...query, format: 'plain' }}>
        Plain CSV
      </FileLink>
      {noPayPal !== null && <span className="quiet">{noPayPal}</span>}
    </p>
  );
}

import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../call.ts';
import { Failure } from '../parts/failure.tsx';
import { useMay, useWhere } from '../place.tsx';

interface Preview {
  method: string;
  url: string;
}

/** Shows what a postback URL would be called as, with the values of an example; nothing is sent. */
export function PostbackTest({ url }: { url: string }): ReactNode {
  const where = useWhere();
  const may = useMay('webhooks:read');
  const preview = useMutation({
    mutationFn: () =>
      call<{ data: Preview }>('/postback-previews', { method: 'POST', where, body: { url } }).then(({ data }) => data),
  });
  if (!may) return null;
  return (
    <div className="postback-test">
      <button type="button" disabled={url.trim() === '' || preview.isPending} onClick={() => preview.mutate()}>
        Test the URL
      </button>
      {preview.error && <Failure error={preview.error} />}
      {preview.data && (
        <div role="status">
          <p>A sale of the example would call this. Nothing was sent.</p>
          <pre>
            {preview.data.method} {preview.data.url}
          </pre>
        </div>
      )}
    </div>
  );
}

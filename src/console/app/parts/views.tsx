import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';

/** Views of one screen, each an address of its own: the first one needs no `?view=`. */
export function Views({
  of: views,
  at,
}: {
  of: readonly (readonly [view: string, title: string])[];
  at: string;
}): ReactNode {
  const current = useView(views);
  return (
    <nav className="views" aria-label="Views">
      {views.map(([view, title], index) => (
        <Link
          key={view}
          href={index === 0 ? at : `${at}?view=${view}`}
          aria-current={view === current ? 'page' : undefined}
        >
          {title}
        </Link>
      ))}
    </nav>
  );
}

export function useView<View extends string>(views: readonly (readonly [view: View, title: string])[]): View {
  const [params] = useSearchParams();
  const asked = params.get('view');
  const [first] = views as readonly [readonly [View, string]];
  return views.find(([view]) => view === asked)?.[0] ?? first[0];
}

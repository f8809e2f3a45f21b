/**
 * What a key may do, said in scopes: `affiliates:write`. A route asks for one; which one follows from its path and method, so
 * that no route is forgotten. `access` (read, write, ingest) names the usual sets of them.
 */
export type KeyScope = `${Resource}:read` | `${Resource}:write`;

/** read: reads everything but keys. write: all. ingest: posts conversions, events and postbacks, and reads nothing. */
export type KeyAccess = 'read' | 'write' | 'ingest';

/** The first segment of a path, as the resource that its scopes are called by. */
const resources = {
  program: 'program',
  me: 'program',
  'api-keys': 'api-keys',
  affiliates: 'affiliates',
  offers: 'offers',
  'tracking-links': 'links',
  clicks: 'clicks',
  conversions: 'conversions',
  refunds: 'refunds',
  corrections: 'corrections',
  events: 'events',
  customers: 'customers',
  commissions: 'commissions',
  reviews: 'commissions',
  adjustments: 'adjustments',
  balances: 'balances',
  payouts: 'payouts',
  sources: 'sources',
  'inbox-events': 'inbox',
  'webhook-endpoints': 'webhooks',
  hooks: 'webhooks',
  messages: 'webhooks',
  deliveries: 'webhooks',
  'event-types': 'webhooks',
  'postback-macros': 'webhooks',
  'postback-presets': 'webhooks',
  'postback-previews': 'webhooks',
  stats: 'stats',
  attention: 'stats',
  analytics: 'stats',
  search: 'search',
  names: 'search',
  trace: 'search',
  exports: 'exports',
  imports: 'imports',
  jobs: 'jobs',
  'test-sessions': 'test-sessions',
  'audit-events': 'audit-events',
  setup: 'program',
  system: 'program',
  profile: 'program',
} as const;

type Resource = (typeof resources)[keyof typeof resources];

const names = [...new Set(Object.values(resources))].sort();

/** Every scope that there is. */
export const keyScopes: readonly KeyScope[] = names.flatMap((name): KeyScope[] => [`${name}:read`, `${name}:write`]);

const ingest: readonly KeyScope[] = ['conversions:write', 'events:write'];

/** Who lists keys may hand out what they are good for: that is for those who may make them. */
const byAccess: Readonly<Record<KeyAccess, ReadonlySet<KeyScope>>> = {
  write: new Set(keyScopes),
  read: new Set(keyScopes.filter((scope) => scope.endsWith(':read') && scope !== 'api-keys:read')),
  ingest: new Set(ingest),
};

export function scopesOf(access: KeyAccess): ReadonlySet<KeyScope> {
  return byAccess[access];
}

/** The access whose set these scopes are; null where they are another. */
export function accessOf(scopes: ReadonlySet<KeyScope>): KeyAccess | null {
  const named = (Object.keys(byAccess) as KeyAccess[]).find((access) => {
    const set = byAccess[access];
    return set.size === scopes.size && [...scopes].every((scope) => set.has(scope));
  });
  return named ?? null;
}

/** A route of any surface, as far as its scope follows from it. */
export interface ScopedRoute {
  method: string;
  /** Under the surface's base, Express style. */
  path: string;
  access: string;
  /** Where it does not follow from the path. */
  scope?: KeyScope | undefined;
}

/**
 * The scope that a route asks for: `read` of its resource for GET and what only reads, else `write`. Null where the path begins with no known
 * resource: only keys of a named access may call it.
 */
export function scopeOfRoute({ method, path, access, scope }: ScopedRoute): KeyScope | null {
  if (scope !== undefined) return scope;
  const [first = '', ...others] = path.split('/').filter((part) => part !== '' && part !== 'api' && part !== 'v1');
  const reads = method.toLowerCase() === 'get' || access === 'read';
  const segment = !reads && first === 'conversions' && access === 'write' ? afterwards(others) : first;
  return isResource(segment) ? `${resources[segment]}:${reads ? 'read' : 'write'}` : null;
}

/** Whoever may report a conversion may not therefore take it back, or change it. */
function afterwards(rest: readonly string[]): 'refunds' | 'corrections' {
  return rest.at(-1) === 'refunds' ? 'refunds' : 'corrections';
}

function isResource(segment: string): segment is keyof typeof resources {
  return Object.hasOwn(resources, segment);
}

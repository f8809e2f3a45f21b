import { randomBytes } from 'node:crypto';

/** Gives recorded messages ids and times of their own, so that the same fixture can be sent as a new order. */
export interface Freshener {
  freshenText: (id: string) => string;
  /** Moves an instant as far as the newest of the recorded ones was from now. */
  shiftMs: number;
}

/**
 * Every character is moved by a key that depends on its place alone. So equal ids stay equal, an id that a sender cut
 * stays the beginning of the whole one, digits stay digits, and the length stays; all messages of one run go together.
 */
export function createFreshener(newestMs: number | null, now: Date, key: Buffer = randomBytes(256)): Freshener {
  return {
    freshenText: (id) =>
      id.replace(
        /^(\$RCAnonymousID:|(?:[a-z]+_)*)(.*)$/s,
        (_, prefix: string, rest: string) => prefix + move(rest, key),
      ),
    shiftMs: newestMs === null ? 0 : now.getTime() - newestMs,
  };
}

/**
 * The message with fresh ids and times. Which members hold ids and times is known by the names that Stripe, RevenueCat
 * and our own conversions use; whatever refers to our own objects (`clk_…`, `aff_…`) stays.
 */
export function freshenMessage(message: unknown, { freshenText, shiftMs }: Freshener): unknown {
  return walk(message, (name, value) => {
    if (typeof value === 'number') {
      if (isSecondsName(name) && isRecent(value * 1000)) return Math.round(value + shiftMs / 1000);
      return name.endsWith('_ms') && isRecent(value) ? Math.round(value + shiftMs) : value;
    }
    if (typeof value !== 'string') return value;
    return isSendersId(name, value) ? freshenText(value) : value;
  });
}

/** The same of a query string or form. */
export function freshenPairs(text: string, { freshenText }: Freshener): string {
  return text.replaceAll(/([^&=]+)=([^&]*)/g, (pair, name: string, value: string) =>
    isSendersId(name, value) ? `${name}=${freshenText(value)}` : pair,
  );
}

/** The newest instant that a message names, in milliseconds; null where it names none. */
export function findNewestMs(message: unknown): number | null {
  let newest: number | null = null;
  walk(message, (name, value) => {
    if (typeof value !== 'number') return value;
    const at = eventTimes.has(name) ? (name.endsWith('_ms') ? value : value * 1000) : null;
    if (at !== null && isRecent(at) && at > (newest ?? 0)) newest = at;
    return value;
  });
  return newest;
}

/** Rebuilds a JSON value with each leaf replaced by what `replace` makes of it; items of a list carry the list's name. */
export function walk(value: unknown, replace: (name: string, leaf: unknown) => unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => walk(item, replace, name));
  if (typeof value !== 'object' || value === null) return replace(name, value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, replace, key)]));
}

/** Names match without case, `_` and `-`, as in the alias table of conversions. */
export function foldName(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase();
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const groups = [base62.slice(0, 10), base62.slice(10, 36), base62.slice(36)];

function move(text: string, key: Buffer): string {
  let moved = '';
  for (let place = 0; place < text.length; place += 1) {
    const character = text.charAt(place);
    const group = groups.find((characters) => characters.includes(character)) ?? character;
    moved += group.charAt((group.indexOf(character) + (key[place % key.length] ?? 0)) % group.length);
  }
  return moved;
}

/** Ids of RevenueCat, of conversions and postbacks. */
const idNames = new Set(
  [
    'transaction_id original_transaction_id app_user_id original_app_user_id aliases transferred_from transferred_to',
    'order_id txid tid action_id external_id conversion_unique_id rdtk_event_id',
    'user_id customer_id customer_key refund_id',
  ]
    .flatMap((names) => names.split(' '))
    .map(foldName),
);

/** Some trackers call the click a transaction: what names an object of ours, or stands for one, is not the sender's. */
function isSendersId(name: string, value: string): boolean {
  if (/^(clk|aff|off|test)_|^__[A-Z_]+__$/.test(value)) return false;
  return isVendorId(value) || idNames.has(foldName(name));
}

/** Stripe's ids, and the uuids of RevenueCat's events. */
function isVendorId(text: string): boolean {
  return (
    /^(evt|cs|pi|py|ch|in|il|ii|inpay|cus|sub|si|re|pyr|du|dp|txn|seti|pm|src|po)_(live_|test_)?[A-Za-z0-9]{6,}$/.test(
      text,
    ) || /^[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}$/i.test(text)
  );
}

/** When a message happened; ends of periods and due dates may lie ahead. */
const eventTimes = new Set(['created', 'event_timestamp_ms', 'purchased_at_ms']);

function isSecondsName(name: string): boolean {
  return /^created$|_at$|^(current_)?period_(start|end)$|^(start|end)$|_date$/.test(name);
}

/** From 2015 to 2050: other numbers are no times. */
function isRecent(ms: number): boolean {
  return ms > 1.42e12 && ms < 2.53e12;
}

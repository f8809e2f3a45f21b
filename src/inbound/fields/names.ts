import { AppError } from '../../domain/errors.ts';

/** What a conversion, a postback or a funnel event may say, under whatever name the sender gives it. */
export type ConversionField =
  | 'clickId'
  | 'amount'
  | 'amountMinor'
  | 'orderId'
  | 'customerId'
  | 'customerEmail'
  | 'goal'
  | 'affiliateId'
  | 'referralCode'
  | 'couponCode'
  | 'currency'
  | 'status'
  | 'offerId'
  | 'occurredAt'
  | 'url'
  | 'sub1'
  | 'sub2'
  | 'sub3'
  | 'sub4'
  | 'sub5'
  | 'metadata'
  | 'secure';

/** The alias table of API.md section 3, one row a field, the sender's spellings in their order of preference. */
export const conversionAliases: Readonly<Record<ConversionField, readonly string[]>> = {
  clickId: ['clickid', 'click_id', 'cid'],
  amount: ['sum', 'amount', 'revenue'],
  amountMinor: ['amount_minor', 'amount_cents'],
  orderId: ['action_id', 'txid', 'order_id', 'external_id', 'transaction_id'],
  customerId: ['user_id', 'customer_id', 'customer_key'],
  customerEmail: ['customer_email'],
  goal: ['goal', 'event', 'event_type'],
  affiliateId: ['affiliate_id'],
  referralCode: ['referral_code'],
  couponCode: ['coupon_code'],
  currency: ['currency'],
  status: ['status'],
  offerId: ['offer_id'],
  occurredAt: ['occurred_at'],
  url: ['url'],
  sub1: ['sub1'],
  sub2: ['sub2'],
  sub3: ['sub3'],
  sub4: ['sub4'],
  sub5: ['sub5'],
  metadata: ['metadata'],
  secure: ['secure'],
};

/** A name's meaning. `rank` 0 names the field; higher ranks count only where no lower one is given. Null: not for us. */
export interface NamedField {
  field: ConversionField;
  rank: number;
}
export type FieldNames = ReadonlyMap<string, NamedField | null>;

export const defaultFieldNames: FieldNames = nameFields();

/**
 * The default names with a source's own on top: `{theirs: ours}`, where ours is any spelling of the alias table, `?` at
 * its end makes it a fallback, and '' takes a name out of the table. Throws VALIDATION_ERROR for an unknown ours.
 */
export function renameFields(...maps: ReadonlyArray<Readonly<Record<string, string>>>): FieldNames {
  const names = new Map(defaultFieldNames);
  for (const [theirs, ours] of maps.flatMap(Object.entries<string>)) {
    const fallback = /\?*$/.exec(ours)?.[0].length ?? 0;
    const named = ours === '' ? null : defaultFieldNames.get(foldName(ours.slice(0, ours.length - fallback)));
    if (named === undefined || theirs.trim() === '') {
      const known = Object.values(conversionAliases).map((spellings) => spellings[0]);
      throw new AppError('VALIDATION_ERROR', `fields: '${ours}' is no field of a conversion`, {
        details: { [`fields.${theirs}`]: `must be one of ${known.join(', ')}, or another spelling of them` },
      });
    }
    const folded = foldName(theirs);
    const meaning = named && { field: named.field, rank: fallback };
    // The table's own spellings of that name are keys too.
    for (const name of names.keys()) if (foldName(name) === folded) names.set(name, meaning);
    names.set(folded, meaning);
    names.set(theirs, meaning);
  }
  return names;
}

/** What the name means; matching ignores case, `_` and `-`. Undefined: a field of the sender's own. */
export function findField(names: FieldNames, name: string): NamedField | null | undefined {
  // The usual spellings are keys themselves, so the hot path does not fold.
  const exact = names.get(name);
  return exact === undefined ? names.get(foldName(name)) : exact;
}

/** A value as it was sent, with the sender's own spelling of the name. */
export interface Given {
  name: string;
  text: string;
  rank: number;
}
export type GivenFields = { [F in ConversionField]?: Given };

/** Collects what is wrong, field by field under the sender's spelling, and throws it all at once. */
export class Problems {
  readonly details: Record<string, string> = {};
  #any = false;

  add(name: string, message: string, reason?: string): void {
    this.#any = true;
    this.details[clip(name)] ??= message;
    if (reason) this.details['reason'] ??= reason;
  }

  /** Throws VALIDATION_ERROR with `details` field -> message where anything was added. */
  throwIfAny(): void {
    if (!this.#any) return;
    const sentences = Object.entries(this.details)
      .filter(([name]) => name !== 'reason')
      .map(([name, message]) => `${name} ${message}`);
    throw new AppError('VALIDATION_ERROR', sentences.join('; '), { details: this.details });
  }
}

/**
 * Adds one named value of a message to the fields. Unknown names are the sender's own business; null and empty count as
 * absent; two spellings of one field that disagree are a problem, as are other types than text and numbers.
 */
export function giveField(
  given: GivenFields,
  names: FieldNames,
  name: string,
  value: unknown,
  problems: Problems,
): void {
  const named = findField(names, name);
  if (!named) {
    if (holdsNul(value)) problems.add(name, 'must not contain NUL');
    return;
  }
  if (value === null || value === undefined) return;
  const { field, rank } = named;
  const text = field === 'metadata' ? readMetadata(name, value, problems) : readText(field, name, value, problems);
  if (text === null || text === '') return;
  const earlier = given[field];
  if (earlier && earlier.rank <= rank) {
    if (earlier.rank === rank && !saysTheSame(field, earlier.text, text)) {
      problems.add(name, `disagrees with ${earlier.name}: '${clip(text)}' is not '${clip(earlier.text)}'`);
    }
    return;
  }
  given[field] = { name, text, rank };
}

/** A decimal in plain form without superfluous zeros ('0149.90' is '149.9'), or null where the text is none. */
export function toPlainDecimal(text: string): string | null {
  // The bound keeps the expression's backtracking over long runs of zeros from mattering.
  if (text.length > 64) return null;
  const match = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
  if (!match || !/\d/.test(text)) return null;
  const [, sign = '', whole = '', decimals = ''] = match;
  const absolute = `${whole || '0'}${decimals ? `.${decimals}` : ''}`;
  return absolute === '0' ? '0' : sign + absolute;
}

/** A sender's value in an error message: short, so that the message stays readable. */
export function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function nameFields(): FieldNames {
  const names = new Map<string, NamedField>();
  for (const [field, spellings] of Object.entries(conversionAliases) as [ConversionField, string[]][]) {
    for (const spelling of spellings) {
      names.set(spelling, { field, rank: 0 });
      names.set(foldName(spelling), { field, rank: 0 });
    }
  }
  return names;
}

function foldName(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[_-]/g, '');
}

function readText(field: ConversionField, name: string, value: unknown, problems: Problems): string | null {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      problems.add(name, 'must not contain NUL or broken Unicode');
      return null;
    }
    return value.trim();
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    // Beyond 2^53 a JSON number has lost digits already; as an amount it is refused for its size or form.
    if (Number.isSafeInteger(value) || field === 'amount' || field === 'amountMinor') return String(value);
    problems.add(name, 'must be text, or a whole number below 2^53');
    return null;
  }
  if (typeof value === 'bigint') return String(value);
  problems.add(name, `must be text or a number, not ${nameType(value)}`);
  return null;
}

/** Metadata stays with the raw message; it is only checked to be of a size and depth that every store takes. */
function readMetadata(name: string, value: unknown, problems: Problems): null {
  if (typeof value !== 'object') problems.add(name, 'must be an object');
  else if (value !== null && !isBounded(value))
    problems.add(name, 'must have at most 50 keys and 5 levels, 16 KiB in all, and no NUL');
  return null;
}

function isBounded(value: object): boolean {
  let characters = 0;
  let keys = 0;
  return everyItem(value, (key, item, level) => {
    keys += 1;
    characters += key.length + (typeof item === 'string' ? item.length : 0);
    return keys <= 50 && characters <= 16_384 && level <= 5 && !key.includes('\0') && !isNulText(item);
  });
}

function holdsNul(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isNulText(value);
  return !everyItem(value, (key, item) => !key.includes('\0') && !isNulText(item));
}

function isNulText(value: unknown): boolean {
  return typeof value === 'string' && value.includes('\0');
}

/** Walks everything inside a JSON value, without recursion: senders decide how deep it is. */
function everyItem(value: object, test: (key: string, item: unknown, level: number) => boolean): boolean {
  const waiting: [object, number][] = [[value, 1]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [container, level] = next;
    for (const [key, item] of Object.entries(container) as [string, unknown][]) {
      if (!test(key, item, level)) return false;
      if (typeof item === 'object' && item !== null) waiting.push([item, level + 1]);
    }
  }
  return true;
}

function saysTheSame(field: ConversionField, one: string, other: string): boolean {
  if (one === other) return true;
  if (field === 'amount' || field === 'amountMinor') {
    const decimal = toPlainDecimal(one);
    return decimal !== null && decimal === toPlainDecimal(other);
  }
  if (field === 'currency' || field === 'customerEmail' || field === 'status') {
    return one.toLowerCase() === other.toLowerCase();
  }
  return false;
}

function nameType(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'boolean' ? 'true or false' : 'such a value';
}

import { isCurrency } from '../../domain/currency.ts';
import { emailPattern } from '../../domain/email.ts';
import type { FactAmount } from '../../domain/facts.ts';
import { parseMajorAmount, parseMinorAmount } from '../../domain/money.ts';
import { parseTime } from '../../domain/parse-time.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { readFlag, type Given, type GivenFields } from './given.ts';
import { isIdMacro, isMacro } from '../../domain/unreplaced-macros.ts';
import type { ConversionField } from './names.ts';
import { toPlainDecimal } from './plain-decimal.ts';
import { clip, type Problems } from './problems.ts';

/** Ids, codes and words: the longest that is taken. */
export const MAX_TEXT_LENGTH = 255;
const MAX_URL_LENGTH = 2048;

/** A short text field (an id, a code, a word), or null where it is absent or was reported to `problems`. */
export function readWord(given: GivenFields, field: ConversionField, problems: Problems): string | null {
  const value = given[field];
  if (!value || refuseMacro(value, problems)) return null;
  if (value.text.length > MAX_TEXT_LENGTH) {
    problems.add(value.name, `must have at most ${MAX_TEXT_LENGTH} characters`);
    return null;
  }
  return value.text;
}

/** The id of an order or click: a word that stands for nothing would make one order or click of everybody's, and is refused. */
export function readId(given: GivenFields, field: 'clickId' | 'orderId', problems: Problems): string | null {
  const value = given[field];
  if (!value) return null;
  if (!isPlaceholder(value.text)) {
    if (!isIdMacro(value.text)) return readWord(given, field, problems);
    reportMacro(value, problems);
    return null;
  }
  const message = `is '${clip(value.text)}', which stands for no value: the sender did not fill it in`;
  problems.add(value.name, message, 'placeholder_id');
  return null;
}

/** Whether it is a renewal, or null where the sender did not say. */
export function readRenewal(given: GivenFields, problems: Problems): boolean | null {
  const word = readWord(given, 'isRenewal', problems);
  const flag = word === null ? null : readFlag(word);
  if (word !== null && flag === null) {
    problems.add(given.isRenewal?.name ?? 'is_recurring', `must be true or false, not '${clip(word)}'`);
  }
  return flag;
}

/** A page address, kept as it is: it is shown, never fetched. */
export function readUrl(given: GivenFields, problems: Problems): string | null {
  const value = given.url;
  if (!value) return null;
  if (value.text.length <= MAX_URL_LENGTH) return value.text;
  problems.add(value.name, `must have at most ${MAX_URL_LENGTH} characters`);
  return null;
}

/** The customer's e-mail in lower case. */
export function readEmail(given: GivenFields, problems: Problems): string | null {
  const email = readWord(given, 'customerEmail', problems);
  if (email === null || emailPattern.test(email)) return email?.toLowerCase() ?? null;
  problems.add(given.customerEmail?.name ?? 'customer_email', 'must be an e-mail address');
  return null;
}

/**
 * What zero and negative amounts are. refused: mistakes, as in sales. zero_absent: zero is no amount, and negative a mistake,
 * as in the postbacks of trackers that send 0 where they know none. absent: neither is an amount, as in leads and
 * rejections, where trackers send 0 or what they take back.
 */
export type Worthless = 'refused' | 'zero_absent' | 'absent';

/**
 * The exact amount in minor units; in plain major units where no currency is named, since the decimals then depend on the
 * offer's currency.
 */
export function readAmount(given: GivenFields, problems: Problems, worthless: Worthless): FactAmount | null {
  const currency = readCurrency(given, problems);
  const major = given.amount && readMajor(given.amount, currency, problems, worthless);
  const minor = given.amountMinor && readMinor(given.amountMinor, currency, problems, worthless);
  if (given.amount && given.amountMinor && major && minor && !isSameAmount(major, minor)) {
    problems.add(given.amountMinor.name, `disagrees with ${given.amount.name}`, 'amount_invalid');
  }
  return minor ?? major ?? null;
}

/** When it happened, in UTC with milliseconds, or null where the sender did not say. */
export function readTime(given: GivenFields, receivedAt: Date, problems: Problems): string | null {
  const value = given.occurredAt;
  if (!value || refuseMacro(value, problems)) return null;
  const time = parseTime(value.text);
  if (time === null) {
    problems.add(value.name, 'must be ISO 8601 with an offset, or Unix seconds or milliseconds');
    return null;
  }
  if (isTooFarAhead(time, receivedAt)) {
    problems.add(value.name, 'is more than a year ahead', 'occurred_at_in_future');
    return null;
  }
  return time.toISOString();
}

/** More than a year ahead. Early renewals and test clocks are ahead by less, and are taken. */
export function isTooFarAhead(time: Date, receivedAt: Date): boolean {
  const limit = new Date(receivedAt);
  limit.setUTCFullYear(limit.getUTCFullYear() + 1);
  return time > limit;
}

function readCurrency(given: GivenFields, problems: Problems): string | null {
  const value = given.currency;
  if (!value || refuseMacro(value, problems)) return null;
  const currency = value.text.toUpperCase();
  if (isCurrency(currency)) return currency;
  problems.add(value.name, `must be an ISO 4217 currency such as USD, not '${clip(value.text)}'`);
  return null;
}

function readMajor(value: Given, currency: string | null, problems: Problems, worthless: Worthless) {
  const plain = readDecimal(value, problems);
  if (plain === null || !isPositive(plain, value, problems, worthless)) return null;
  if (currency === null) return { major: plain, currency };
  const parsed = parseMajorAmount(plain, currency);
  if (parsed.ok) return { minor: Number(parsed.amountMinor), currency };
  problems.add(value.name, parsed.problem, 'amount_invalid');
  return null;
}

/** A number of major units in plain form, which may be negative; null where it is none, which is reported. */
export function readDecimal(value: Given, problems: Problems): string | null {
  if (refuseMacro(value, problems)) return null;
  const plain = toPlainDecimal(value.text);
  // No currency has more than four decimals, and the plain form has no superfluous ones.
  if (plain !== null && plain.length <= 24 && /^-?\d{1,18}(?:\.\d{1,4})?$/.test(plain)) return plain;
  problems.add(value.name, explainMajor(value.text, plain), 'amount_invalid');
  return null;
}

function readMinor(value: Given, currency: string | null, problems: Problems, worthless: Worthless) {
  if (refuseMacro(value, problems)) return null;
  const parsed = parseMinorAmount(value.text);
  if (!parsed.ok) {
    problems.add(value.name, parsed.problem, 'amount_invalid');
    return null;
  }
  if (!isPositive(String(parsed.amountMinor), value, problems, worthless)) return null;
  return { minor: Number(parsed.amountMinor), currency };
}

function isPositive(plain: string, value: Given, problems: Problems, worthless: Worthless): boolean {
  const isNegative = plain.startsWith('-');
  if (plain !== '0' && !isNegative) return true;
  if (worthless === 'refused' || (isNegative && worthless === 'zero_absent')) {
    problems.add(value.name, 'must be positive', 'amount_invalid');
  }
  return false;
}

function explainMajor(text: string, plain: string | null): string {
  if (plain !== null && /^-?\d{1,18}\.\d{5,}$/.test(plain)) return 'has more decimals than any currency';
  if (plain !== null) return 'is larger than any amount the hub takes';
  return `must be a plain decimal number such as 149.90, without grouping, not '${clip(text)}'`;
}

function isSameAmount(major: FactAmount, minor: FactAmount): boolean {
  // Without a currency the two cannot be compared: the exponent is not known yet.
  return 'major' in major || !('minor' in minor) || major.minor === minor.minor;
}

function refuseMacro(value: Given, problems: Problems): boolean {
  if (!isMacro(value.text)) return false;
  reportMacro(value, problems);
  return true;
}

function reportMacro({ name, text }: Given, problems: Problems): void {
  problems.add(
    name,
    `holds the macro '${clip(text)}', which the sender did not replace by a value`,
    'unreplaced_macro',
  );
}

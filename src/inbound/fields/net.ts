import type { FactAmount } from '../../domain/facts.ts';
import { parseMajorAmount } from '../../domain/money.ts';
import type { Given, GivenFields } from './given.ts';
import { toPlainDecimal } from './plain-decimal.ts';
import type { Problems } from './problems.ts';
import { readDecimal } from './values.ts';

/**
 * What is left of an amount without its tax and its shipping, each stated in major units whatever the amount is stated in.
 * Together they may be all of it, and not more.
 */
export function readNet(given: GivenFields, gross: FactAmount | null, problems: Problems): FactAmount | null {
  let net = gross;
  for (const part of [given.tax, given.shipping]) {
    const plain = part && readPart(part, problems);
    if (plain && net) net = subtract(net, plain, part, problems);
  }
  return net;
}

/** A part of the amount in plain major units; null where it is nothing, or was reported to `problems`. */
function readPart(part: Given, problems: Problems): string | null {
  const plain = readDecimal(part, problems);
  if (plain === null || plain === '0') return null;
  if (!plain.startsWith('-')) return plain;
  problems.add(part.name, 'must not be negative', 'amount_invalid');
  return null;
}

function subtract(amount: FactAmount, plain: string, part: Given, problems: Problems): FactAmount {
  if ('major' in amount) {
    const left = toTenThousandths(amount.major) - toTenThousandths(plain);
    if (left >= 0n) return { major: fromTenThousandths(left), currency: null };
  } else if (amount.currency === null) {
    problems.add(part.name, 'needs a currency beside an amount in minor units', 'amount_invalid');
    return amount;
  } else {
    const parsed = parseMajorAmount(plain, amount.currency);
    if (!parsed.ok) {
      problems.add(part.name, parsed.problem, 'amount_invalid');
      return amount;
    }
    const left = BigInt(amount.minor) - parsed.amountMinor;
    if (left >= 0n) return { minor: Number(left), currency: amount.currency };
  }
  problems.add(part.name, 'leaves less than nothing of the amount', 'amount_invalid');
  return amount;
}

// As many decimals as a plain amount has at most.
const DECIMALS = 4;

function toTenThousandths(plain: string): bigint {
  const [whole = '', decimals = ''] = plain.split('.');
  return BigInt(whole + decimals.padEnd(DECIMALS, '0'));
}

function fromTenThousandths(amount: bigint): string {
  const digits = amount.toString().padStart(DECIMALS + 1, '0');
  return toPlainDecimal(`${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`) ?? '0';
}

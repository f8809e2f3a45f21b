import { formatMajorAmount } from '../../domain/money.ts';
import type { ApiClient } from '../hub/api-client.ts';
import type { DemoStage } from './demo-setup.ts';
import { expectedConversions } from './demo-story.ts';
import type { Receipt } from '../subscriber.ts';
import { formatTable } from '../table.ts';

export interface Conversion {
  id: string;
  orderId: string | null;
  kind: string | null;
  status: string;
  affiliateId: string | null;
  grossMinor: number;
  amountMinor: number;
  refundedMinor: number;
  currency: string | null;
  commission: { amountMinor: number; currency: string | null } | null;
}

interface Balance {
  affiliateId: string;
  currency: string;
  pendingMinor: number;
  approvedMinor: number;
}

export interface Ledger {
  conversions: Conversion[];
  balances: Balance[];
  /** Ids of the messages that were written for subscribers. */
  messageIds: string[];
}

export async function readLedger(api: ApiClient): Promise<Ledger> {
  const [conversions, balances, messages] = await Promise.all([
    readAll<Conversion>(api, '/conversions'),
    readAll<Balance>(api, '/balances'),
    readAll<{ id: string }>(api, '/messages'),
  ]);
  return { conversions: conversions.reverse(), balances, messageIds: messages.map(({ id }) => id) };
}

/** The tables: conversions, what each affiliate has earned, what subscribers were told. */
export function describeLedger(ledger: Ledger, receipts: readonly Receipt[], { names }: DemoStage): string {
  const nameOf = (affiliateId: string | null) => (affiliateId === null ? '' : (names.get(affiliateId) ?? affiliateId));
  const conversions = ledger.conversions.map((each) => [
    each.orderId ?? '',
    each.kind ?? '',
    each.status,
    money(each.grossMinor, each.currency),
    money(each.amountMinor, each.currency),
    each.refundedMinor === 0 ? '' : money(each.refundedMinor, each.currency),
    nameOf(each.affiliateId),
    each.commission ? money(each.commission.amountMinor, each.commission.currency) : '',
  ]);
  const balances = ledger.balances
    .toSorted(byAffiliate)
    .map((each) => [
      nameOf(each.affiliateId),
      money(each.pendingMinor, each.currency),
      money(each.approvedMinor, each.currency),
    ]);
  return [
    formatTable(conversionColumns, conversions),
    formatTable(balanceColumns, balances),
    formatTable(deliveryColumns, countDeliveries(receipts)),
  ].join('\n\n');
}

/** What is not as it must be, in words; nothing where all is well. */
export function findDifferences(
  ledger: Ledger,
  receipts: readonly Receipt[],
  { affiliates }: Pick<DemoStage, 'affiliates'>,
): string[] {
  const differences = [...compareConversions(ledger.conversions, affiliates), ...compareBalances(ledger)];
  for (const { id, type, problems } of receipts) {
    for (const [library, problem] of Object.entries(problems)) {
      if (problem !== null)
        differences.push(`${type ?? 'a delivery'} ${id} was not verified by ${library}: ${problem}`);
    }
  }
  const received = new Set(receipts.map(({ id }) => id));
  const missing = ledger.messageIds.filter((id) => !received.has(id));
  if (missing.length > 0) differences.push(`${missing.length} messages were not delivered: ${missing.join(', ')}`);
  if (receipts.length === 0) differences.push('nothing was delivered');
  return differences;
}

function compareConversions(conversions: readonly Conversion[], affiliates: ReadonlyMap<string, string>): string[] {
  const differences: string[] = [];
  const found = new Map(conversions.map((conversion) => [conversion.orderId, conversion]));
  for (const { affiliate, netMinor, commissionMinor, ...rest } of expectedConversions) {
    const expected = { ...rest, affiliateId: affiliates.get(affiliate), amountMinor: netMinor, commissionMinor };
    const conversion = found.get(rest.orderId);
    if (!conversion) {
      differences.push(`there is no conversion of ${rest.orderId}`);
      continue;
    }
    const actual: Record<string, unknown> = {
      ...conversion,
      commissionMinor: conversion.commission?.amountMinor ?? 0,
    };
    for (const [field, value] of Object.entries(expected)) {
      if (actual[field] === value) continue;
      differences.push(`${rest.orderId}: ${field} is ${String(actual[field])}, not ${String(value)}`);
    }
  }
  if (conversions.length !== expectedConversions.length) {
    differences.push(`there are ${conversions.length} conversions, not ${expectedConversions.length}`);
  }
  return differences;
}

/** A balance is the sum of its affiliate's commissions in that currency. */
function compareBalances({ conversions, balances }: Ledger): string[] {
  const earned = new Map<string, number>();
  for (const { affiliateId, commission } of conversions) {
    if (affiliateId === null || !commission) continue;
    const account = `${affiliateId} ${commission.currency ?? ''}`;
    earned.set(account, (earned.get(account) ?? 0) + commission.amountMinor);
  }
  const held = new Map(
    balances.map((each) => [`${each.affiliateId} ${each.currency}`, each.pendingMinor + each.approvedMinor]),
  );
  return [...new Set([...earned.keys(), ...held.keys()])].flatMap((account) => {
    const [sum, balance] = [earned.get(account) ?? 0, held.get(account) ?? 0];
    return sum === balance ? [] : [`${account}: the balance is ${balance}, the commissions are ${sum} in all`];
  });
}

const conversionColumns = [
  { title: 'Order' },
  { title: 'Kind' },
  { title: 'Status' },
  { title: 'Gross', align: 'right' },
  { title: 'Net', align: 'right' },
  { title: 'Refunded', align: 'right' },
  { title: 'Affiliate' },
  { title: 'Commission', align: 'right' },
] as const;

const balanceColumns = [
  { title: 'Affiliate' },
  { title: 'Pending', align: 'right' },
  { title: 'Approved', align: 'right' },
] as const;

const deliveryColumns = [
  { title: 'Webhook' },
  { title: 'Delivered', align: 'right' },
  { title: 'Verified by svix', align: 'right' },
  { title: 'by standardwebhooks', align: 'right' },
] as const;

function countDeliveries(receipts: readonly Receipt[]): string[][] {
  const byType = Map.groupBy(receipts, ({ type }) => type ?? 'not an event');
  const count = (all: readonly Receipt[], library: keyof Receipt['problems']) =>
    String(all.filter(({ problems }) => problems[library] === null).length);
  return [...byType]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, all]) => [type, String(all.length), count(all, 'svix'), count(all, 'standardwebhooks')]);
}

function byAffiliate(a: Balance, b: Balance): number {
  return a.affiliateId.localeCompare(b.affiliateId) || a.currency.localeCompare(b.currency);
}

async function readAll<T>(api: ApiClient, path: string): Promise<T[]> {
  const all: T[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { data: T[]; pagination: { nextCursor: string | null } } = await api.call(
      'GET',
      `${path}?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    all.push(...page.data);
    cursor = page.pagination.nextCursor;
  }
  return all;
}

export function money(amountMinor: number, currency: string | null): string {
  return currency === null ? '' : `${formatMajorAmount(BigInt(amountMinor), currency)} ${currency}`;
}

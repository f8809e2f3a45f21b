import { Command } from 'commander';
import { traceText, type Trace } from '../../audit/trace/trace.ts';
import { systemClock } from '../../domain/clock.ts';
import { oneLine } from '../../domain/printable.ts';
import { tellMoney } from '../../audit/tell-facts.ts';
import { withHub } from '../hub/access.ts';
import { print } from '../terminal.ts';
import { chooseProgram, programOption } from './program-option.ts';

interface WhyOptions {
  program?: string;
  test?: true;
  json?: true;
}

/** `tributary why`: why a sale earned what it earned, or nothing. */
export function whyCommand(): Command {
  return new Command('why')
    .description('say why a sale earned what it earned, or nothing, and what to do about it')
    .argument('<name>', 'a click, order, payment, message or conversion id, an e-mail, a code or a sub id')
    .option(...programOption)
    .option('--test', 'look among test rows')
    .option('--json', 'print JSON')
    .action(why);
}

async function why(name: string, { program, test, json }: WhyOptions): Promise<void> {
  const text = name.trim();
  if (text === '') throw new Error('Say what to look up: an id, an e-mail, a code');
  const trace = await withHub(async ({ db }) => {
    const programId = await chooseProgram(db, program);
    return traceText({ db, clock: systemClock }, { programId, livemode: test !== true }, text);
  });
  print(json ? JSON.stringify(trace) : tellTrace(trace));
}

const marks = { ok: '+', failed: 'x', not_reached: '.' } as const;

function tellTrace(trace: Trace): string {
  const { query, verdict, checklist, found, orders, messages, refusals, deliveries, hasMoreOrders } = trace;
  return [
    `${query}: ${verdict.cause}`,
    `  ${verdict.sentence}`,
    ...(verdict.advice === null ? [] : [`  ${verdict.advice}`]),
    '',
    ...checklist.map(({ step, state, sentence }) => `  ${marks[state]} ${step.padEnd(10)} ${sentence}`),
    ...section(
      'found',
      found.map(({ kind, id, title }) => `${kind} ${id}: ${title}`),
    ),
    ...section('arrived', messages.map(tellMessage)),
    ...section(
      'understood',
      messages.flatMap(({ id, understood }) => [
        id,
        ...understood.map(({ field, name, value }) => `  ${field}${name === null ? '' : ` from ${name}`}: ${value}`),
      ]),
    ),
    ...section(
      'refused',
      refusals.map(({ lastAt, message, count }) => `${lastAt} ${message} (${count})`),
    ),
    ...orders.flatMap((order) => tellOrder(order, orders.length > 1)),
    ...(hasMoreOrders ? ['', '  and more orders of that name'] : []),
    ...section('told', deliveries.map(tellDelivery)),
  ]
    .map(oneLine)
    .join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function tellMessage({ id, kind, receivedAt, outcome, status, reason, error }: Trace['messages'][number]): string {
  const why = error ?? reason;
  return `${receivedAt} ${kind} ${id}: ${outcome ?? status}${why === null ? '' : ` (${why})`}`;
}

function tellOrder(order: Trace['orders'][number], ofSeveral: boolean): string[] {
  const { conversionId, adjustmentId, kind, status, reason, amounts, terms, evidence, postings, payout, verdict } =
    order;
  const what = `${kind ?? 'order'}, ${status}${reason === null ? '' : ` (${reason})`}`;
  return section(adjustmentId === null ? `${conversionId}: ${what}` : `${adjustmentId}: adjustment`, [
    ...(ofSeveral ? [verdict.sentence] : []),
    ...(amounts === null ? [] : [`amount   ${amounts}`]),
    ...(evidence.chosen ? [`chosen   ${evidence.chosen.sentence}`] : []),
    ...evidence.passedOver.map(({ sentence }) => `passed   ${sentence}`),
    ...(terms === null ? [] : [`terms    ${terms}`]),
    ...postings.map(({ amountMinor, currency, type, affiliateId, id }) => {
      return `posted   ${tellMoney(BigInt(amountMinor), currency)} ${type} for ${affiliateId} (${id})`;
    }),
    ...(payout ? [`payout   ${payout.id} (${payout.status})`] : []),
  ]);
}

function tellDelivery({ id, type, createdAt, deliveries }: Trace['deliveries'][number]): string {
  const states = deliveries.map(({ endpointId, status, attempts }) => `${endpointId} ${status} after ${attempts}`);
  return `${createdAt} ${type} ${id}: ${states.join(', ') || 'no endpoint wanted it'}`;
}

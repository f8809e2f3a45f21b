import { Command, InvalidArgumentError } from 'commander';
import { oneLine } from '../../domain/printable.ts';
import { createApiClient } from '../hub/api-client.ts';
import { findHubUrl } from '../hub/access.ts';
import { readSecret, secretFileHint } from './secret-options.ts';
import { hubOption, keyFileOption, keyOption, readKey } from './send.ts';
import { startSubscriber, type Receipt, type Subscriber } from '../subscriber.ts';
import { print, printError } from '../terminal.ts';

interface ListenOptions {
  secret?: string;
  secretFile?: string;
  register?: true;
  key?: string;
  keyFile?: string;
  hub?: string;
  url?: string;
  events?: string[];
  host: string;
  port: number;
  answer: number;
  count?: number;
  json?: true;
}

/** `tributary listen`: a subscriber on this machine that verifies what it is sent. */
export function listenCommand(): Command {
  return new Command('listen')
    .description(
      'receive webhooks on this machine, verify them with the svix and the standardwebhooks library, print them',
    )
    .option('--register', 'register as an endpoint of the hub until stopped; needs --key')
    .addOption(keyOption('a write key, for --register'))
    .addOption(keyFileOption())
    .addOption(hubOption())
    .option('--secret <whsec>', "the endpoint's secret, where it is registered already")
    .option('--secret-file <path>', `the same, ${secretFileHint}`)
    .option('--events <types>', 'with --register: only these event types, comma separated', readList)
    .option('--url <url>', 'with --register: the address by which the hub reaches this subscriber')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', readNumber(0, 65_535), 0)
    .option('--answer <status>', 'what to answer where the signature fits', readNumber(200, 599), 204)
    .option('--count <n>', 'stop after so many deliveries', readNumber(1, 1_000_000))
    .option('--json', 'print one JSON object a delivery')
    .action(listen);
}

async function listen(given: ListenOptions): Promise<void> {
  const { register } = given;
  const secret = readSecret('--secret', given.secret, given.secretFile);
  const key = readKey(given);
  const options = { ...given, key };
  if ((secret === undefined) === (register === undefined)) {
    throw new Error('Say by which secret to verify: either --register --key KEY, or --secret whsec_…');
  }
  if (register && key === undefined) {
    throw new Error('--register asks for a write key: --key KEY, or TRIBUTARY_KEY in the environment');
  }
  const stop = watchForStop();
  const counts = { received: 0, verified: 0 };
  const subscriber = await startSubscriber({
    host: options.host,
    port: options.port,
    answer: options.answer,
    onReceipt(receipt) {
      if (counts.received === options.count) return;
      counts.received += 1;
      if (receipt.verified) counts.verified += 1;
      print(options.json ? JSON.stringify(toJson(receipt)) : describeReceipt(receipt));
      if (counts.received === options.count) stop.now();
    },
  });
  try {
    if (secret !== undefined) {
      subscriber.setSecret(secret);
      printError(`Listening on ${subscriber.url}`);
      await stop.asked;
    } else {
      await listenRegistered(subscriber, options, stop.asked);
    }
  } finally {
    await subscriber.close();
  }
  printError(summarize(counts));
  if (counts.verified < counts.received) process.exitCode = 1;
}

/** The endpoint exists while we run: one that nobody answers would be retried for days. */
async function listenRegistered(
  subscriber: Subscriber,
  options: Omit<ListenOptions, 'key'> & { key: string | undefined },
  stopAsked: Promise<void>,
): Promise<void> {
  const hub = findHubUrl(options.hub);
  const api = createApiClient(hub, options.key ?? '');
  const { data: endpoint } = await api
    .call<{ data: { id: string; secret: string } }>('POST', '/webhook-endpoints', {
      url: options.url ?? subscriber.url,
      description: 'tributary listen',
      ...(options.events ? { eventTypes: options.events } : {}),
    })
    .catch((error: Error) => {
      throw new Error(explainRefusal(error.message), { cause: error });
    });
  subscriber.setSecret(endpoint.secret);
  printError(`Listening on ${subscriber.url} as ${endpoint.id} of ${hub}. Ctrl-C stops and removes it.`);
  await stopAsked;
  await api.call('DELETE', `/webhook-endpoints/${endpoint.id}`).catch((error: Error) => {
    printError(`The endpoint ${endpoint.id} could not be removed: ${error.message}`);
  });
}

function explainRefusal(message: string): string {
  if (!/\b400\b.*\burl\b/i.test(message)) return message;
  return `${message}\nA hub sends to this machine only where OUTBOUND_ALLOW_CIDRS opens it: start it with OUTBOUND_ALLOW_CIDRS=127.0.0.0/8`;
}

function describeReceipt({ id, type, livemode, problems, body, receivedAt }: Receipt): string {
  const verdicts = Object.entries(problems).map(([library, problem]) => `${library} ${problem ?? 'ok'}`);
  const time = receivedAt.toISOString().slice(11, 23);
  return `${time} ${oneLine(type ?? 'not an event')}${livemode === false ? ' (test)' : ''} ${oneLine(id)}  [${verdicts.join(', ')}]\n  ${oneLine(body)}`;
}

function toJson({ receivedAt, body, ...rest }: Receipt): object {
  return { ...rest, receivedAt: receivedAt.toISOString(), body };
}

function summarize({ received, verified }: { received: number; verified: number }): string {
  if (received === 0) return 'No deliveries';
  return verified === received
    ? `${received} received, all verified by both libraries`
    : `${received} received, ${received - verified} NOT verified`;
}

function watchForStop(): { asked: Promise<void>; now: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  return { asked: promise, now: resolve };
}

function readList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function readNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    return value;
  };
}

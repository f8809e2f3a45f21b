import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createOrders, type ExpectedOrder, type Input, type Message, type OrderOptions } from './messages.ts';
import type { ChaosProgram } from './program.ts';
import type { Random } from './random.ts';

/** What a request came to: a status, or why there was none. */
export type Answer = number | 'no answer' | 'refused';

/** Senders: they send orders at a steady rate, and each message until it is acknowledged. */
export interface Loader {
  orders: ExpectedOrder[];
  /** Ids of messages with how often each was acknowledged. */
  acknowledged: Map<string, number>;
  /** Messages that nobody has acknowledged yet. */
  readonly waiting: number;
  /** Each request's end, in order. */
  answers: { at: number; answer: Answer; web: number }[];
  /** Answers that say that the sender is wrong, though it is not. */
  wrong: string[];
  /** A new order by one web process alone; its message's id once it is acknowledged. Throws when time is up. */
  probe(web: number, timeoutMs: number): Promise<string>;
  /** No more orders; resolves when all messages are acknowledged, or time is up. */
  finish(timeoutMs: number): Promise<void>;
}

export interface LoaderOptions extends OrderOptions {
  /** Of the web processes. */
  urls: readonly string[];
  program: ChaosProgram;
  random: Random;
  /** Orders a second. */
  rate: number;
  /** How long a sender waits for an answer. */
  timeoutMs?: number;
}

const RETRY_MS = [300, 600, 1_200, 2_400];

export function startLoader({
  urls,
  program,
  random,
  rate,
  timeoutMs = 8_000,
  ...orderOptions
}: LoaderOptions): Loader {
  const agent = new Agent({ connections: 256, pipelining: 1, keepAliveTimeout: 30_000 });
  const nextOrder = createOrders(program, random, orderOptions);
  const orders: ExpectedOrder[] = [];
  const acknowledged = new Map<string, number>();
  const answers: Loader['answers'] = [];
  const wrong: string[] = [];
  let waiting = 0;
  const givenUp = new AbortController();

  async function sendOnce(message: Message, web: number): Promise<boolean> {
    const answer = await answerTo(message, web);
    answers.push({ at: performance.now(), answer, web });
    if (typeof answer !== 'number') return false;
    if (answer >= 400 && answer < 500 && answer !== 429 && answer !== 409) wrong.push(`${message.id}: ${answer}`);
    return answer >= 200 && answer < 300;
  }

  async function answerTo(message: Message, web: number): Promise<Answer> {
    const { method, url, headers, body } = message.request(new Date());
    try {
      const { statusCode, body: answer } = await request((urls[web] ?? '') + url, {
        method: method as 'GET' | 'POST',
        headers,
        body,
        dispatcher: agent,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.dump();
      return statusCode;
    } catch (error) {
      return /Timeout|Abort/.test((error as Error).name) ? 'no answer' : 'refused';
    }
  }

  /** As senders do: until it is acknowledged, wherever a load balancer leads them. */
  async function send(message: Message, chooseWeb: () => number): Promise<void> {
    waiting += 1;
    for (let attempt = 0; !givenUp.signal.aborted; attempt += 1) {
      if (await sendOnce(message, chooseWeb())) {
        acknowledged.set(message.id, (acknowledged.get(message.id) ?? 0) + 1);
        waiting -= 1;
        return;
      }
      const pause = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
      await wait(random.between(pause / 2, pause));
    }
  }

  async function sendAll(message: Message): Promise<void> {
    await send(message, anyWeb);
    if (!message.repeated) return;
    await wait(random.between(0, 3_000));
    await send(message, anyWeb);
  }

  const anyWeb = (): number => random.integer(urls.length);
  const sendOrder = (input?: Input): void => {
    const { order, messages } = nextOrder(input);
    orders.push(order);
    for (const message of messages) void sendAll(message);
  };

  let due = performance.now();
  const clock = setInterval(() => {
    // Not what should have been sent while this process itself stood still.
    due = Math.max(due, performance.now() - 1_000);
    for (; due <= performance.now(); due += 1_000 / rate) sendOrder();
  }, 10);

  return {
    orders,
    acknowledged,
    answers,
    wrong,
    get waiting() {
      return waiting;
    },
    async probe(web, probeTimeoutMs) {
      const { order, messages } = nextOrder('postback');
      orders.push(order);
      const [message] = messages;
      if (!message) throw new Error('there is no message to probe with');
      const sent = send(message, () => web);
      await Promise.race([
        sent,
        wait(probeTimeoutMs, undefined, { ref: false }).then(() => {
          throw new Error(`no postback is acknowledged within ${probeTimeoutMs / 1_000} s`);
        }),
      ]);
      return message.id;
    },
    async finish(finishTimeoutMs) {
      clearInterval(clock);
      const deadline = performance.now() + finishTimeoutMs;
      // The last repetition begins at most three seconds after the last acknowledgement.
      let quietSince = performance.now();
      while (performance.now() < deadline && performance.now() - quietSince < 3_200) {
        if (waiting > 0) quietSince = performance.now();
        await wait(50);
      }
      givenUp.abort();
      await agent.destroy();
    },
  };
}

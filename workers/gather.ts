export interface GatherOptions<T> {
  /** How many batches may be under way at once. */
  atOnce: number;
  /** A batch ends before it would exceed this; a larger item is a batch of its own. */
  maxSize: number;
  /** What waits is begun beside a running batch only from this size on; less waits for that batch to end. */
  worthwhileSize: number;
  /** How long a smaller remainder waits for a running batch, which may itself be blocked by another process's lock. */
  patienceMs: number;
  sizeOf: (item: T) => number;
  handle: (items: T[]) => Promise<void>;
}

export interface Gather<T> {
  (item: T): Promise<void>;
  /** Resolves when nothing waits and no batch runs. */
  idle(): Promise<void>;
  /** Takes out what no batch has begun with; its callers are told that it is done. */
  takeWaiting(): T[];
}

/**
 * Hands a first item on at once and, while its batch runs, gathers what comes into the next: the busier it is, the larger
 * the batches become. Batches are begun in the order in which their items came. Every item resolves or rejects with its
 * batch.
 */
export function gatherBatches<T>(options: GatherOptions<T>): Gather<T> {
  const { atOnce, maxSize, worthwhileSize, patienceMs, sizeOf, handle } = options;
  const waiting: { item: T; done: PromiseWithResolvers<void> }[] = [];
  let waitingSize = 0;
  let busy = 0;
  let patience: NodeJS.Timeout | null = null;
  const idleWaiters: (() => void)[] = [];

  function idle(): Promise<void> {
    if (busy === 0 && waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => idleWaiters.push(resolve));
  }

  function takeBatch(): typeof waiting {
    let size = 0;
    const end = waiting.findIndex(({ item }, index) => {
      size += sizeOf(item);
      return index > 0 && size > maxSize;
    });
    const batch = waiting.splice(0, end === -1 ? waiting.length : end);
    for (const { item } of batch) waitingSize -= sizeOf(item);
    return batch;
  }

  function mayBegin(): boolean {
    return waiting.length > 0 && busy < atOnce && (busy === 0 || waitingSize >= worthwhileSize);
  }

  /** Begins every batch that may run now; what is left waits for one to end, or for its patience to. */
  function beginBatches(): void {
    while (mayBegin()) void runBatch();
    if (waiting.length === 0 || busy === atOnce) return;
    patience ??= setTimeout(() => {
      patience = null;
      if (waiting.length > 0 && busy < atOnce) void runBatch();
      beginBatches();
    }, patienceMs);
  }

  async function runBatch(): Promise<void> {
    const batch = takeBatch();
    busy += 1;
    try {
      await handle(batch.map(({ item }) => item));
      for (const { done } of batch) done.resolve();
    } catch (error) {
      for (const { done } of batch) done.reject(error);
    }
    busy -= 1;
    if (busy === 0 && waiting.length === 0) for (const resolve of idleWaiters.splice(0)) resolve();
    if (busy === 0 && patience) {
      clearTimeout(patience);
      patience = null;
    }
    beginBatches();
  }

  const gather = (item: T): Promise<void> => {
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    waitingSize += sizeOf(item);
    beginBatches();
    return done.promise;
  };
  function takeWaiting(): T[] {
    const taken = waiting.splice(0);
    waitingSize = 0;
    for (const { done } of taken) done.resolve();
    if (busy === 0) for (const resolve of idleWaiters.splice(0)) resolve();
    return taken.map(({ item }) => item);
  }

  return Object.assign(gather, { idle, takeWaiting });
}

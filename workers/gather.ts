export interface GatherOptions<T> {
  /** Batches under way at most. */
  atOnce: number;
  /** A batch is closed before it would exceed this; one larger item is a batch of its own. */
  maxSize: number;
  /** From this size on what waits is a batch beside others; less of it goes with what comes until one ends. */
  worthwhileSize: number;
  /** So long does what is less wait for a batch to end: that one may be held up by something that is none of ours. */
  patienceMs: number;
  sizeOf: (item: T) => number;
  handle: (items: T[]) => Promise<void>;
}

/**
 * Hands a first item on at once and, while a batch is under way, gathers what comes into the next: the busier it is the
 * larger the batches become, and what comes singly is handled in the order in which it came. What comes of a batch comes
 * of each item in it.
 */
export function gatherBatches<T>(options: GatherOptions<T>): (item: T) => Promise<void> {
  const { atOnce, maxSize, worthwhileSize, patienceMs, sizeOf, handle } = options;
  const waiting: { item: T; done: PromiseWithResolvers<void> }[] = [];
  let waitingSize = 0;
  let busy = 0;
  let patience: NodeJS.Timeout | null = null;

  function takeBatch(): typeof waiting {
    let size = 0;
    const end = waiting.findIndex(({ item }, place) => {
      size += sizeOf(item);
      return place > 0 && size > maxSize;
    });
    const batch = waiting.splice(0, end === -1 ? waiting.length : end);
    for (const { item } of batch) waitingSize -= sizeOf(item);
    return batch;
  }

  function mayBegin(): boolean {
    return waiting.length > 0 && busy < atOnce && (busy === 0 || waitingSize >= worthwhileSize);
  }

  /** Begins what there is room and reason for. */
  function advance(): void {
    while (mayBegin()) void work();
    if (waiting.length === 0 || busy === atOnce) return;
    patience ??= setTimeout(() => {
      patience = null;
      if (waiting.length > 0 && busy < atOnce) void work();
      advance();
    }, patienceMs);
  }

  async function work(): Promise<void> {
    const batch = takeBatch();
    busy += 1;
    try {
      await handle(batch.map(({ item }) => item));
      for (const { done } of batch) done.resolve();
    } catch (error) {
      for (const { done } of batch) done.reject(error);
    }
    busy -= 1;
    if (busy === 0 && patience) {
      clearTimeout(patience);
      patience = null;
    }
    advance();
  }

  return (item) => {
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    waitingSize += sizeOf(item);
    advance();
    return done.promise;
  };
}

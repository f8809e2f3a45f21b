export interface GatherOptions<T> {
  /** Batches under way at most. */
  atOnce: number;
  /** A batch is closed before it would exceed this; one larger item is a batch of its own. */
  maxSize: number;
  sizeOf: (item: T) => number;
  handle: (items: T[]) => Promise<void>;
}

/**
 * Hands single items on at once and, while all batches are busy, gathers what comes into the next: the busier it is the
 * larger the batches become. What comes of a batch comes of each item in it.
 */
export function gatherBatches<T>({ atOnce, maxSize, sizeOf, handle }: GatherOptions<T>): (item: T) => Promise<void> {
  const waiting: { item: T; done: PromiseWithResolvers<void> }[] = [];
  let busy = 0;

  function takeBatch(): typeof waiting {
    let size = 0;
    const end = waiting.findIndex(({ item }, place) => {
      size += sizeOf(item);
      return place > 0 && size > maxSize;
    });
    return waiting.splice(0, end === -1 ? waiting.length : end);
  }

  async function work(): Promise<void> {
    busy += 1;
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        await handle(batch.map(({ item }) => item));
        for (const { done } of batch) done.resolve();
      } catch (error) {
        for (const { done } of batch) done.reject(error);
      }
    }
    busy -= 1;
  }

  return (item) => {
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    if (busy < atOnce) void work();
    return done.promise;
  };
}

/**
 * What `work` resolves or rejects with, or a rejection that says `late` where it does neither within `ms`. The work itself goes
 * on, and nobody is told how it ends.
 */
export async function inTime<T>(ms: number, work: Promise<T>, late: string = `not within ${ms} ms`): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Error(late)), ms);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

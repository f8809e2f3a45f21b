import { once } from 'node:events';
import type { Request, Response } from 'express';
import { inTime } from '../process/in-time.ts';
import type { StreamedReply } from './route.ts';

/** A client that takes nothing of what was sent for so long is gone, or wants to hold what is sent to it. */
const STALLED_AFTER_MS = 120_000;

/**
 * Sends the pieces as fast as the client takes them: the next one is made when the last has left. What fails before the first
 * piece throws, and is answered as any other error; what fails later cuts the connection off, so that nobody takes what
 * came for the whole. `hide` gives a piece as the caller may see it.
 */
export async function sendStream(
  { filename, pieces }: StreamedReply,
  type: string | null,
  req: Request,
  res: Response,
  hide: (text: string) => Promise<string>,
  stalledAfterMs = STALLED_AFTER_MS,
): Promise<void> {
  const rest = pieces[Symbol.asyncIterator]();
  const left = new AbortController();
  res.once('close', () => left.abort());
  try {
    let piece = await rest.next();
    res.status(200);
    if (type !== null) res.setHeader('Content-Type', type);
    res.setHeader('Content-Disposition', `attachment; filename="${filename}"`);
    for (; !piece.done && req.method !== 'HEAD'; piece = await rest.next()) {
      const text = await hide(piece.value);
      if (left.signal.aborted) return;
      if (res.write(text)) continue;
      await inTime(stalledAfterMs, once(res, 'drain', { signal: left.signal }), 'the client takes nothing any more');
    }
    res.end();
  } catch (error) {
    if (!res.headersSent) throw error;
    // Whoever went away is no failure of ours.
    if (!left.signal.aborted) res.err = error instanceof Error ? error : new Error('not an error', { cause: error });
    res.destroy();
  } finally {
    await rest.return?.();
  }
}

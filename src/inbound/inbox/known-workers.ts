import { ANNOUNCED_EVERY_MS, channelOf } from '../../queue/channels.ts';

/** Who was not heard of for so long is taken for dead: twice in a row an announcement may be late. */
const SILENT_AFTER_MS = 2.5 * ANNOUNCED_EVERY_MS;

/** The workers that announced themselves lately, so that one of them can be told of a message directly. */
export class KnownWorkers {
  readonly #heardAt = new Map<string, number>();
  #turn = 0;

  /** What a worker says on WORKERS_CHANNEL. */
  hear(announcement: string): void {
    if (announcement.startsWith(':')) this.#heardAt.delete(announcement.slice(1));
    else this.#heardAt.set(announcement, performance.now());
  }

  /** The channel of one of them, by turns; null where none is known, and the queue has to find one. */
  choose(): string | null {
    const since = performance.now() - SILENT_AFTER_MS;
    for (const [id, at] of this.#heardAt) if (at < since) this.#heardAt.delete(id);
    const ids = [...this.#heardAt.keys()];
    const id = ids[(this.#turn += 1) % ids.length];
    return id === undefined ? null : channelOf(id);
  }
}

import { ANNOUNCED_EVERY_MS, channelOf } from './channels.ts';

/** Who was not heard of for so long may be dead: twice in a row an announcement may be late. */
const SILENT_AFTER_MS = 2.5 * ANNOUNCED_EVERY_MS;

/** The workers that announced themselves lately: one of them can be told of a message directly, and who falls silent is missed. */
export class KnownWorkers {
  readonly #heardAt = new Map<string, number>();
  #turn = 0;

  /** What a worker says on WORKERS_CHANNEL. */
  hear(announcement: string): void {
    if (announcement.startsWith(':')) this.#heardAt.delete(announcement.slice(1));
    else this.#heardAt.set(announcement, performance.now());
  }

  /** Forgets those that fell silent since it was last asked, and gives their ids. */
  forgetSilent(): string[] {
    const since = performance.now() - SILENT_AFTER_MS;
    const silent = [...this.#heardAt].flatMap(([id, at]) => (at < since ? [id] : []));
    for (const id of silent) this.#heardAt.delete(id);
    return silent;
  }

  /** The channel of one of them, by turns; null where none is known, and the queue has to find one. */
  choose(): string | null {
    this.forgetSilent();
    const ids = [...this.#heardAt.keys()];
    const id = ids[(this.#turn += 1) % ids.length];
    return id === undefined ? null : channelOf(id);
  }
}

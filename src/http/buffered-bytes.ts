import { AppError } from '../domain/errors.ts';

/**
 * Bodies that are being received lie in memory until they are whole, so a few hundred slow senders of large ones would fill
 * it. The first bytes of each are free: they are bounded by the number of connections, and ordinary messages, which are
 * small, pass whatever others send.
 */
const FREE_BYTES = 16 * 1024;
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

let buffered = 0;

/** The bytes of one body that are held now. */
export class BufferedBody {
  #received = 0;
  #counted = 0;

  /** Throws UNAVAILABLE (503) where the bodies under way together are too large. */
  add(bytes: number): void {
    this.#received += bytes;
    const counted = Math.max(0, this.#received - FREE_BYTES);
    buffered += counted - this.#counted;
    this.#counted = counted;
    if (buffered <= MAX_BUFFERED_BYTES) return;
    this.release();
    throw new AppError(
      'UNAVAILABLE',
      'Too many large bodies are being received at the moment. Send it again shortly.',
      {
        retryAfterS: 5,
      },
    );
  }

  release(): void {
    buffered -= this.#counted;
    this.#counted = 0;
  }
}

import { MAX_DETAILS, validationError } from '../../domain/errors.ts';

/** Collects what is wrong, field by field under the sender's spelling, and throws it all at once. */
export class Problems {
  readonly details: Record<string, string> = {};
  #count = 0;
  readonly #hint: () => string;

  /** `hint` gives sentences to be said beside what is wrong, each after a space. */
  constructor(hint: () => string = () => '') {
    this.#hint = hint;
  }

  add(name: string, message: string, reason?: string): void {
    this.#count += 1;
    if (this.#count <= MAX_DETAILS && !Object.hasOwn(this.details, clip(name))) this.details[clip(name)] = message;
    if (reason) this.details['reason'] ??= reason;
  }

  /** Throws VALIDATION_ERROR with `details` field -> message where anything was added. */
  throwIfAny(): void {
    if (this.#count === 0) return;
    const sentences = Object.entries(this.details)
      .filter(([name]) => name !== 'reason')
      .map(([name, message]) => `${name} ${message}`);
    const hints = this.#hint();
    const said = sentences.join('; ') || 'The request has a field that cannot be read';
    throw validationError(said + (hints === '' ? '' : `.${hints}`), this.details);
  }
}

/** A sender's value in an error message: short, so that the message stays readable. */
export function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

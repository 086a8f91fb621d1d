import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'

/** How long a token is used before it is read again. Milliseconds. */
const freshMs = 30_000

/** The device's token, read anew at most every 30 seconds and after each refusal. */
export class TokenCache {
  readonly #read: (() => Promise<string | undefined>) | undefined
  readonly #clock: Clock
  #token: Promise<string | undefined> | undefined
  #readAtMs = 0

  constructor(read: (() => Promise<string | undefined>) | undefined, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** Rejects with `unauthorized` when the token cannot be read. */
  get(): Promise<string | undefined> {
    const now = this.#clock.monoMs()
    if (this.#token === undefined || now - this.#readAtMs >= freshMs) {
      this.#readAtMs = now
      this.#token = readToken(this.#read)
      this.#token.catch(() => this.forget())
    }
    return this.#token
  }

  forget(): void {
    this.#token = undefined
  }
}

/** Rejects with `unauthorized` when the token cannot be read. */
export async function readToken(
  read: (() => Promise<string | undefined>) | undefined
): Promise<string | undefined> {
  try {
    return await read?.()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new HeadwaterError('unauthorized', `the token cannot be read: ${why}`, { cause })
  }
}

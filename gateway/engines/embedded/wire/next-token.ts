import type { Clock } from '../../../../shared/clock.ts'
import type { Random } from '../../../../shared/random.ts'
import { WireError } from './wire-error.ts'

const lifeMs = 300_000

/** What a list is of; a token of one is refused by another. */
export type TokenKind = 'shards' | 'streams' | 'consumers'

/**
 * The `NextToken`s of one kind of list: where it goes on, in texts of the caller's choice. They are
 * good for 300 seconds of this life, and give nothing that could not be asked for without them.
 */
export class NextTokens {
  readonly #kind: TokenKind
  readonly #clock: Clock
  /** Tells tokens of this life, whose times are comparable, from those of an earlier one. */
  readonly #life: string

  constructor(
    kind: TokenKind,
    { clock, random }: { readonly clock: Clock; readonly random: Random }
  ) {
    this.#kind = kind
    this.#clock = clock
    this.#life = random.bytes(9).toString('base64url')
  }

  seal(parts: readonly string[]): string {
    const content = [this.#kind, this.#life, Math.floor(this.#clock.monoMs()), ...parts]
    return Buffer.from(JSON.stringify(content)).toString('base64url')
  }

  /**
   * The texts that were sealed. Throws `ExpiredNextTokenException`, and `InvalidArgumentException`
   * for what is not a token of this kind.
   */
  open(token: string): readonly string[] {
    const [kind, life, sealedMs, ...parts] = decode(token)
    if (kind !== this.#kind || typeof sealedMs !== 'number') {
      throw new WireError('InvalidArgumentException', 'The NextToken is invalid.')
    }
    if (life !== this.#life || this.#clock.monoMs() - sealedMs > lifeMs) {
      throw new WireError('ExpiredNextTokenException', 'The NextToken has expired.')
    }
    return parts.map(String)
  }
}

/** Nothing for what is not a list in JSON. */
function decode(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

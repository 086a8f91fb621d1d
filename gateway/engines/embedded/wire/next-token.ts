import type { Clock } from '../../../../shared/clock.ts'
import { WireError } from './wire-error.ts'

const lifeMs = 300_000

/** What a list is of; a token of one is refused by another. */
export type TokenKind = 'shards' | 'streams' | 'consumers'

/**
 * A `NextToken`: where a list goes on, in texts of the caller's choice. Good for 300 seconds, on
 * any gateway with the same streams; it gives nothing that could not be asked for without it.
 */
export function sealToken(kind: TokenKind, parts: readonly string[], clock: Clock): string {
  return Buffer.from(JSON.stringify([kind, clock.wallMs(), ...parts])).toString('base64url')
}

/**
 * The texts that were sealed. Throws `ExpiredNextTokenException`, and `InvalidArgumentException`
 * for what is not a token of this kind.
 */
export function openToken(kind: TokenKind, token: string, clock: Clock): readonly string[] {
  const [sealedKind, sealedMs, ...parts] = decode(token)
  if (sealedKind !== kind || typeof sealedMs !== 'number') {
    throw new WireError('InvalidArgumentException', 'The NextToken is invalid.')
  }
  if (clock.wallMs() - sealedMs > lifeMs) {
    throw new WireError('ExpiredNextTokenException', 'The NextToken has expired.')
  }
  return parts.map(String)
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

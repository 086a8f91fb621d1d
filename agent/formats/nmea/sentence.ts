/** One sentence of NMEA 0183, such as `$GPRMC,…*hh`. */
export interface Sentence {
  /** Two letters, such as `GP` or `GN`; `P` for what a maker defined for itself. */
  readonly talker: string
  /** Three letters, such as `RMC`; of a maker's own sentence all that follows the `P`. */
  readonly type: string
  /** `fields[0]` is the address, so that numbers are those of the standard. */
  readonly fields: readonly string[]
}

/**
 * Why a line is no sentence. `bad_checksum`: its bytes were changed on the way. `no_checksum`: it
 * has none although one is required. `not_nmea`: it is something else, or a part of a sentence.
 */
export type SentenceProblem = 'bad_checksum' | 'no_checksum' | 'not_nmea'

export interface SentenceRules {
  readonly requireChecksum: boolean
}

const form = /^\$([^*]*)(?:\*([0-9A-Fa-f]{2}))?$/
const address = /^(?:(P)([A-Z0-9]+)|([A-Z][A-Z0-9])([A-Z]{3}))$/

/**
 * Reads one line. What stands before the last `$`, such as a tag block or half a sentence, is passed
 * over.
 */
export function parseSentence(
  line: string,
  { requireChecksum }: SentenceRules
): Sentence | SentenceProblem {
  const match = form.exec(line.slice(Math.max(0, line.lastIndexOf('$'))).trimEnd())
  if (!match) return 'not_nmea'
  const [, body = '', checksum] = match
  if (checksum === undefined && requireChecksum) return 'no_checksum'
  if (checksum !== undefined && Number.parseInt(checksum, 16) !== checksumOf(body)) {
    return 'bad_checksum'
  }
  const fields = body.split(',')
  const [, maker, own, talker, type] = address.exec(fields[0] ?? '') ?? []
  if (maker !== undefined) return { talker: maker, type: own ?? '', fields }
  if (talker === undefined || type === undefined) return 'not_nmea'
  return { talker, type, fields }
}

/** The exclusive or of all bytes between `$` and `*`. */
export function checksumOf(body: string): number {
  let sum = 0
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i)
  return sum
}

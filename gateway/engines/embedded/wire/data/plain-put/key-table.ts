import { recordLimits } from '../../../../../../shared/record.ts'
import { hashKeyOf } from '../../../../hash-key.ts'

/** A partition key of printable ASCII, so that its characters are its bytes. */
export interface KnownKey {
  readonly text: string
  readonly hash: bigint
}

/** With the longest keys, 4 MiB of text. */
const places = 16_384
const quote = 0x22
const backslash = 0x5c

/**
 * Remembers partition keys by the bytes they come in: devices send theirs again and again. A key
 * takes the place of the one before whose bytes gave the same sum.
 */
export class KeyTable {
  readonly #known = Array.from<KnownKey | undefined>({ length: places })

  /**
   * The key whose JSON string begins behind the quote at `start - 1`. Undefined unless its bytes
   * stand for themselves, and are 1 to 256.
   */
  find(bytes: Buffer, start: number): KnownKey | undefined {
    const limit = start + recordLimits.partitionKeyChars
    let sum = 0
    let end = start
    for (let byte = bytes[end]; byte !== quote; byte = bytes[end]) {
      if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === backslash) return undefined
      // As in FNV-1a.
      sum = Math.imul(sum ^ byte, 0x01000193)
      end += 1
      if (end > limit) return undefined
    }
    if (end === start) return undefined
    const place = (sum ^ (sum >>> 16)) & (places - 1)
    const known = this.#known[place]
    if (known?.text.length === end - start && isAt(bytes, start, known.text)) return known
    const text = bytes.toString('latin1', start, end)
    const key = { text, hash: hashKeyOf(text) }
    this.#known[place] = key
    return key
  }
}

/** Whether the ASCII of `text` is at a place in `bytes`. */
export function isAt(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false
  }
  return true
}

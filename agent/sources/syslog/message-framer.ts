const newline = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const lessThan = 0x3c

/** A larger count is no count but the beginning of a line. */
const maxCountDigits = 8

/** Bytes of one message, which may be kept; `cut`: its end is missing. */
export type TakeMessage = (bytes: Buffer, cut: boolean) => void

/**
 * Cuts a stream into messages by RFC 6587, each by itself: `NN <…` is NN bytes, anything else ends
 * with a newline or a NUL. Of a message that is too long the beginning is taken.
 */
export class MessageFramer {
  readonly #maxBytes: number
  readonly #take: TakeMessage
  /** The beginning of a message whose end has not come; `#heldBytes` of it are filled. */
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0
  /** Bytes to pass over; infinite: up to the end of the line. */
  #skip = 0

  constructor(maxBytes: number, take: TakeMessage) {
    this.#maxBytes = maxBytes
    this.#take = take
  }

  push(piece: Buffer): void {
    let at = 0
    // The end of a message that began in an earlier piece is looked for in what is new alone.
    const from = this.#heldBytes
    const bytes = from === 0 ? piece : this.#hold(piece)
    let searchFrom = from
    while (at < bytes.length) {
      const next = this.#skip > 0 ? this.#skipFrom(bytes, at) : this.#cut(bytes, at, searchFrom)
      if (next === undefined) break
      at = next
      searchFrom = at
    }
    this.#keep(bytes, at, from > 0)
  }

  /** The stream has ended, properly if `whole`. What stands there unfinished is taken too. */
  end(whole: boolean): void {
    const rest = this.#held.subarray(0, this.#heldBytes)
    this.#heldBytes = 0
    const counted = countAt(rest, 0)
    if (counted === 'short' || counted === undefined) this.#emit(rest, whole ? 'whole' : 'cut')
    else this.#emit(rest.subarray(counted.digits + 1), 'cut')
  }

  /** Where the next message begins; undefined while the end of this one has not come. */
  #cut(bytes: Buffer, at: number, searchFrom: number): number | undefined {
    if (isFiller(bytes[at])) return at + 1
    const counted = countAt(bytes, at)
    if (counted === 'short') return undefined
    if (counted) return this.#cutCounted(bytes, at + counted.digits + 1, counted.count)
    const end = lineEnd(bytes, Math.max(at, searchFrom))
    const length = (end ?? bytes.length) - at
    if (length > this.#maxBytes) {
      this.#emit(bytes.subarray(at, at + this.#maxBytes), 'cut')
      if (end === undefined) this.#skip = Number.POSITIVE_INFINITY
      return end === undefined ? bytes.length : end + 1
    }
    if (end === undefined) return undefined
    this.#emit(bytes.subarray(at, end), 'whole')
    return end + 1
  }

  #cutCounted(bytes: Buffer, start: number, count: number): number | undefined {
    const wanted = Math.min(count, this.#maxBytes)
    if (bytes.length - start < wanted) return undefined
    this.#emit(bytes.subarray(start, start + wanted), wanted < count ? 'cut' : 'whole')
    this.#skip = count - wanted
    return start + wanted
  }

  #skipFrom(bytes: Buffer, at: number): number {
    if (this.#skip !== Number.POSITIVE_INFINITY) {
      const skipped = Math.min(this.#skip, bytes.length - at)
      this.#skip -= skipped
      return at + skipped
    }
    const end = lineEnd(bytes, at)
    if (end === undefined) return bytes.length
    this.#skip = 0
    return end + 1
  }

  /** Without the ends of line that some put behind it. */
  #emit(bytes: Buffer, extent: 'whole' | 'cut'): void {
    let end = bytes.length
    while (end > 0 && isFiller(bytes[end - 1])) end -= 1
    if (end > 0) this.#take(bytes.subarray(0, end), extent === 'cut')
  }

  /** What is held with the piece behind it. Grows by doubling, so small pieces cost no more. */
  #hold(piece: Buffer): Buffer {
    const length = this.#heldBytes + piece.length
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#held.length * 2))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    piece.copy(this.#held, this.#heldBytes)
    return this.#held.subarray(0, length)
  }

  /** Keeps a copy, for the piece is its socket's. */
  #keep(bytes: Buffer, at: number, held: boolean): void {
    this.#heldBytes = bytes.length - at
    if (this.#heldBytes === 0) this.#held = Buffer.alloc(0)
    else if (at > 0 || !held) this.#held = Buffer.from(bytes.subarray(at))
  }
}

function isFiller(byte: number | undefined): boolean {
  return byte === newline || byte === carriageReturn || byte === 0
}

/** The count before a message; `short` while it cannot be told. */
function countAt(
  bytes: Buffer,
  at: number
): { count: number; digits: number } | 'short' | undefined {
  let count = 0
  for (let digits = 0; digits <= maxCountDigits; digits++) {
    const byte = bytes[at + digits]
    if (byte === undefined) return 'short'
    if (byte === space && digits > 0) {
      const first = bytes[at + digits + 1]
      if (first === undefined) return 'short'
      return first === lessThan ? { count, digits } : undefined
    }
    if (byte < 0x30 || byte > 0x39 || (digits === 0 && byte === 0x30)) return undefined
    count = count * 10 + byte - 0x30
  }
  return undefined
}

function lineEnd(bytes: Buffer, from: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === newline || bytes[at] === 0) return at
  }
  return undefined
}

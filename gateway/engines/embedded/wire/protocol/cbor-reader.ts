const majorType = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  list: 4,
  map: 5,
  tag: 6,
  simple: 7
} as const

const indefinite = 31
const breakByte = 0xff
const dateTag = 1

/** Requests are three levels deep. */
const maxDepth = 16

/**
 * Reads CBOR (RFC 8949) as the AWS SDKs write it: lists, maps and strings of indefinite length,
 * 64-bit integers as numbers, tag 1 as a date in milliseconds. Throws `RangeError` for what is cut
 * short and `SyntaxError` for what has no place in a request.
 */
export class CborReader {
  readonly #bytes: Buffer
  #at = 0
  #depth = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** The one item that the bytes are; byte strings are views of them. */
  read(): unknown {
    const value = this.#item()
    if (this.#at !== this.#bytes.length) throw new SyntaxError('bytes behind the last item')
    return value
  }

  #item(): unknown {
    const head = this.#bytes.readUInt8(this.#at++)
    const major = head >> 5
    const info = head & 31
    if (major === majorType.simple) return this.#simple(info)
    if (major === majorType.bytes) return this.#string(major, info)
    if (major === majorType.text) return this.#string(major, info).toString()
    if (major === majorType.unsigned) return this.#argument(info)
    if (major === majorType.negative) return -1 - this.#argument(info)
    if (++this.#depth > maxDepth) throw new SyntaxError(`over ${maxDepth} levels`)
    const value = this.#nested(major, info)
    this.#depth -= 1
    return value
  }

  #nested(major: number, info: number): unknown {
    if (major === majorType.list) return this.#list(info)
    if (major === majorType.map) return this.#map(info)
    const tag = this.#argument(info)
    const value = this.#item()
    return tag === dateTag && typeof value === 'number' ? new Date(value) : value
  }

  #list(info: number): unknown[] {
    const values: unknown[] = []
    for (const more = this.#counter(info); more(); ) values.push(this.#item())
    return values
  }

  /** A member that is null is left out, as if it had not been sent. */
  #map(info: number): Record<string, unknown> {
    const members: Record<string, unknown> = Object.create(null)
    for (const more = this.#counter(info); more(); ) {
      const name = this.#item()
      if (typeof name !== 'string') throw new SyntaxError('a name that is not a text')
      const value = this.#item()
      if (value !== undefined) members[name] = value
    }
    return members
  }

  /** Tells before each element whether there is one; nothing is set aside for a count that lies. */
  #counter(info: number): () => boolean {
    if (info === indefinite) return () => !this.#takeBreak()
    let left = this.#argument(info)
    return () => left-- > 0
  }

  #string(major: number, info: number): Buffer {
    if (info !== indefinite) return this.#take(this.#argument(info))
    const chunks: Buffer[] = []
    while (!this.#takeBreak()) {
      const head = this.#bytes.readUInt8(this.#at++)
      if (head >> 5 !== major) throw new SyntaxError('a chunk of another type')
      chunks.push(this.#take(this.#argument(head & 31)))
    }
    return Buffer.concat(chunks)
  }

  #takeBreak(): boolean {
    const found = this.#bytes.readUInt8(this.#at) === breakByte
    if (found) this.#at += 1
    return found
  }

  #take(length: number): Buffer {
    const start = this.#at
    if (length > this.#bytes.length - start) throw new RangeError('a string is cut short')
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  #argument(info: number): number {
    if (info < 24) return info
    const at = this.#at
    if (info > 27) throw new SyntaxError(`additional information ${info}`)
    this.#at += 2 ** (info - 24)
    if (info === 24) return this.#bytes.readUInt8(at)
    if (info === 25) return this.#bytes.readUInt16BE(at)
    if (info === 26) return this.#bytes.readUInt32BE(at)
    return Number(this.#bytes.readBigUInt64BE(at))
  }

  #simple(info: number): boolean | number | undefined {
    if (info === 20 || info === 21) return info === 21
    if (info === 22 || info === 23) return undefined
    const at = this.#at
    if (info === 26) {
      this.#at += 4
      return this.#bytes.readFloatBE(at)
    }
    if (info === 27) {
      this.#at += 8
      return this.#bytes.readDoubleBE(at)
    }
    throw new SyntaxError(`simple value ${info}`)
  }
}

import type { WireValue } from '../operation.ts'

const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5, tag: 6 } as const
const simple = { false: 0xf4, true: 0xf5, double: 0xfb } as const
const endOfMap = 0xff
const openMap = 0xbf
const dateTag = 1

/** Strings from this length on stay where they are until all is put together. Bytes. */
const ownPieceBytes = 4096

/** Writes CBOR (RFC 8949) as the AWS SDKs read it: dates are milliseconds under tag 1. */
export class CborWriter {
  readonly #pieces: Buffer[] = []
  #piece = Buffer.allocUnsafe(ownPieceBytes * 2)
  #at = 0

  /** What was written, as one buffer of its own. */
  bytes(): Buffer {
    return Buffer.concat([...this.#pieces, this.#piece.subarray(0, this.#at)])
  }

  write(value: WireValue): this {
    if (typeof value === 'string') this.#string(major.text, Buffer.from(value))
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'boolean') this.#byte(value ? simple.true : simple.false)
    else if (Buffer.isBuffer(value)) this.#string(major.bytes, value)
    else if (value instanceof Date) {
      this.#head(major.tag, dateTag)
      this.#number(value.getTime())
    } else if (isList(value)) {
      this.#head(major.list, value.length)
      for (const one of value) this.write(one)
    } else if (value !== undefined) {
      // Of indefinite length, because members that are undefined are left out.
      this.#byte(openMap)
      for (const [name, member] of Object.entries(value)) {
        if (member !== undefined) this.write(name).write(member)
      }
      this.#byte(endOfMap)
    }
    return this
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#byte(simple.double)
      this.#at = this.#room(8).writeDoubleBE(value, this.#at)
    } else if (value < 0) this.#head(major.negative, -1 - value)
    else this.#head(major.unsigned, value)
  }

  #string(type: number, bytes: Buffer): void {
    this.#head(type, bytes.length)
    if (bytes.length >= ownPieceBytes) {
      this.#cut()
      this.#pieces.push(bytes)
      return
    }
    bytes.copy(this.#room(bytes.length), this.#at)
    this.#at += bytes.length
  }

  #head(type: number, argument: number): void {
    const first = type << 5
    if (argument < 24) this.#byte(first | argument)
    else if (argument < 0x100) {
      this.#byte(first | 24)
      this.#byte(argument)
    } else if (argument < 0x10000) {
      this.#byte(first | 25)
      this.#at = this.#room(2).writeUInt16BE(argument, this.#at)
    } else if (argument < 0x100000000) {
      this.#byte(first | 26)
      this.#at = this.#room(4).writeUInt32BE(argument, this.#at)
    } else {
      this.#byte(first | 27)
      this.#at = this.#room(8).writeBigUInt64BE(BigInt(argument), this.#at)
    }
  }

  #byte(value: number): void {
    this.#at = this.#room(1).writeUInt8(value, this.#at)
  }

  /** The piece being written, with at least `bytes` left behind `#at`. */
  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#piece.length) this.#cut()
    return this.#piece
  }

  /** Ends the piece being written and begins another in what is left of its memory, or in new. */
  #cut(): void {
    this.#pieces.push(this.#piece.subarray(0, this.#at))
    const left = this.#piece.subarray(this.#at)
    this.#piece = left.length >= ownPieceBytes ? left : Buffer.allocUnsafe(ownPieceBytes * 8)
    this.#at = 0
  }
}

/** `Array.isArray` does not tell read-only lists from the rest. */
function isList(value: WireValue): value is readonly WireValue[] {
  return Array.isArray(value)
}

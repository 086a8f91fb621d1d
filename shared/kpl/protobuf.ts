import { HeadwaterError } from '../errors.ts'

/** Wire types of the protobuf encoding; groups (3, 4) are not read. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Bytes of `value` as a varint; `value` is an integer from 0 to 2^32 - 1. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  return value < 0x10000000 ? 4 : 5
}

/** Writes `value`, an integer from 0 to 2^32 - 1, and returns the offset behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value
  let next = at
  while (rest >= 0x80) {
    target[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[next++] = rest
  return next
}

/** Bytes of a length-delimited field with a tag of one byte. */
export function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length
}

/** Reads one protobuf message. Every method throws `invalid` rather than pass the end. */
export class ProtobufReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Up to 64 bits; what is beyond 2^53 loses its low bits, and is never a valid length or index. */
  varint(): number {
    let value = 0
    let factor = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) malformed('ends within a varint')
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    return malformed('has a varint of more than 10 bytes')
  }

  /** A length-delimited value, as a view. */
  bytes(): Buffer {
    const length = this.varint()
    return this.#take(length)
  }

  text(): string {
    return this.bytes().toString('utf8')
  }

  skip(type: number): void {
    if (type === wireType.varint) this.varint()
    else if (type === wireType.bytes) this.bytes()
    else if (type === wireType.fixed64) this.#take(8)
    else if (type === wireType.fixed32) this.#take(4)
    else malformed(`has a field of wire type ${type}`)
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) malformed('ends within a field')
    const view = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return view
  }
}

export function malformed(problem: string): never {
  throw new HeadwaterError('invalid', `protobuf message ${problem}`)
}

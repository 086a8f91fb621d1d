/** Bytes of a CBOR head (RFC 8949 section 3) whose argument is `value`. */
function headBytes(value: number): number {
  if (value < 24) return 1
  if (value < 0x100) return 2
  if (value < 0x10000) return 3
  return value < 0x1_0000_0000 ? 5 : 9
}

/** Writes a CBOR head of major type 0 and returns the offset behind it. */
function writeHead(target: Buffer, at: number, value: number): number {
  if (value < 24) {
    target[at] = value
    return at + 1
  }
  if (value < 0x100) {
    target[at] = 24
    target[at + 1] = value
    return at + 2
  }
  if (value < 0x10000) {
    target[at] = 25
    return target.writeUInt16BE(value, at + 1)
  }
  if (value < 0x1_0000_0000) {
    target[at] = 26
    return target.writeUInt32BE(value, at + 1)
  }
  target[at] = 27
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at + 1)
  return target.writeUInt32BE(value % 0x1_0000_0000, at + 5)
}

/** Makes the head at `at` one of another major type. */
function setMajorType(target: Buffer, at: number, type: number): void {
  target[at] = (target[at] as number) | (type << 5)
}

/** A CBOR array under construction: items are encoded as they come, so its size is always known. */
export class CborColumn {
  #items = Buffer.allocUnsafeSlow(256)
  #length = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Size of the whole array, bytes. */
  get bytes(): number {
    return headBytes(this.#count) + this.#length
  }

  /** Adds an integer of at most 53 bits. */
  pushInt(value: number): void {
    this.#reserve(9)
    const at = this.#length
    this.#length = writeHead(this.#items, at, value < 0 ? -1 - value : value)
    if (value < 0) setMajorType(this.#items, at, 1)
    this.#count += 1
  }

  /** Adds `times` copies of an item that is one byte long. */
  pushByte(item: number, times = 1): void {
    this.#reserve(times)
    this.#items.fill(item, this.#length, this.#length + times)
    this.#length += times
    this.#count += times
  }

  /** Adds one item that is encoded already. */
  pushEncoded(item: Uint8Array): void {
    this.#reserve(item.length)
    this.#items.set(item, this.#length)
    this.#length += item.length
    this.#count += 1
  }

  /** Writes the whole array and returns the offset behind it. */
  write(target: Buffer, at: number): number {
    const start = writeHead(target, at, this.#count)
    setMajorType(target, at, 4)
    return start + this.#items.copy(target, start, 0, this.#length)
  }

  clear(): void {
    this.#length = 0
    this.#count = 0
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#items.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#items.length * 2))
    this.#items.copy(grown, 0, 0, this.#length)
    this.#items = grown
  }
}

import { fieldBytes, writeVarint } from './protobuf.ts'

/** The partition keys of an aggregate under construction, each once, in order of appearance. */
export class KeyTable {
  readonly #index = new Map<string, number>()
  #bytes = 0

  /** Size of all table entries in the message, bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: string): number | undefined {
    return this.#index.get(key)
  }

  /** Adds a key that is not in the table; returns its index. */
  add(key: string): number {
    const index = this.#index.size
    this.#index.set(key, index)
    this.#bytes += fieldBytes(Buffer.byteLength(key))
    return index
  }

  /** Writes all entries under the given protobuf tag and returns the offset behind them. */
  write(target: Buffer, start: number, tag: number): number {
    let at = start
    for (const key of this.#index.keys()) {
      target[at] = tag
      at = writeText(target, at + 1, key)
    }
    return at
  }

  clear(): void {
    this.#index.clear()
    this.#bytes = 0
  }
}

/** Writes the length and the bytes of a text field and returns the offset behind them. */
export function writeText(target: Buffer, start: number, text: string): number {
  const at = writeVarint(target, start, Buffer.byteLength(text))
  return at + target.write(text, at)
}

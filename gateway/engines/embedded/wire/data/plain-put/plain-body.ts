import { z } from 'zod'
import { hashSpace } from '../../../../hash-key.ts'
import { hashKey, streamMembers } from '../../shapes.ts'
import type { StreamMembers } from '../../stream-identity.ts'
import { isAt, type KeyTable, type KnownKey } from './key-table.ts'

/** What a call has in its body: its records as columns, their data where it stands. */
export interface PlainBody {
  readonly names: StreamMembers
  readonly keys: readonly KnownKey[]
  /** Where each record belongs: by its explicit hash key, or else by its key. */
  readonly hashes: readonly bigint[]
  /** Where in the body the text of each record's data begins and ends. It may not be base64. */
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

export const maxRecords = 500

const mark = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  list: 0x5b,
  listEnd: 0x5d,
  object: 0x7b,
  objectEnd: 0x7d
}
const bodyMembers = ['Records', 'StreamName', 'StreamARN'] as const
const recordMembers = ['Data', 'PartitionKey', 'ExplicitHashKey'] as const
const nameShape = z.object(streamMembers)
const hashShape = hashKey()

/**
 * Reads the body of PutRecords as clients write it: the members that are needed, once each, in any
 * order, and strings without escapes. Undefined for any other, which may well be good.
 */
export function readPlainBody(body: Buffer, table: KeyTable): PlainBody | undefined {
  return new BodyReader(body, table).read()
}

class BodyReader {
  readonly #body: Buffer
  readonly #table: KeyTable
  #at = 0
  readonly #names: { StreamName?: string; StreamARN?: string } = {}
  readonly #keys: KnownKey[] = []
  readonly #hashes: bigint[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  constructor(body: Buffer, table: KeyTable) {
    this.#body = body
    this.#table = table
  }

  read(): PlainBody | undefined {
    if (!this.#readMembers() || !this.#isOver()) return undefined
    const names = this.#names
    if (this.#keys.length === 0 || !nameShape.safeParse(names).success) return undefined
    const columns = { keys: this.#keys, hashes: this.#hashes }
    return { names, ...columns, starts: this.#starts, ends: this.#ends }
  }

  #readMembers(): boolean {
    if (!this.#passes(mark.object)) return false
    do {
      const name = this.#member(bodyMembers)
      if (name === undefined) return false
      if (name === 'Records') {
        if (this.#keys.length > 0 || !this.#readRecords()) return false
        continue
      }
      const text = this.#text()
      if (text === undefined || this.#names[name] !== undefined) return false
      this.#names[name] = text
    } while (this.#passes(mark.comma))
    return this.#passes(mark.objectEnd)
  }

  #readRecords(): boolean {
    if (!this.#passes(mark.list)) return false
    do {
      if (this.#keys.length === maxRecords || !this.#readRecord()) return false
    } while (this.#passes(mark.comma))
    return this.#passes(mark.listEnd)
  }

  #readRecord(): boolean {
    if (!this.#passes(mark.object)) return false
    const position = this.#keys.length
    let key: KnownKey | undefined
    let hash: bigint | undefined
    do {
      const name = this.#member(recordMembers)
      if (name === 'Data') {
        const end = this.#string()
        if (end < 0 || this.#starts.length > position) return false
        this.#starts.push(this.#at)
        this.#ends.push(end)
        this.#at = end + 1
      } else if (name === 'PartitionKey') {
        if (key || !this.#passes(mark.quote)) return false
        key = this.#table.find(this.#body, this.#at)
        if (!key) return false
        this.#at += key.text.length + 1
      } else if (name === undefined || hash !== undefined) return false
      else {
        hash = this.#hashKey()
        if (hash === undefined) return false
      }
    } while (this.#passes(mark.comma))
    if (!key || this.#starts.length === position) return false
    this.#keys.push(key)
    this.#hashes.push(hash ?? key.hash)
    return this.#passes(mark.objectEnd)
  }

  /** Passes over one of some names and the colon behind it. */
  #member<Name extends string>(names: readonly Name[]): Name | undefined {
    if (!this.#passes(mark.quote)) return undefined
    for (const name of names) {
      const end = this.#at + name.length
      if (this.#body[end] !== mark.quote || !isAt(this.#body, this.#at, name)) continue
      this.#at = end + 1
      return this.#passes(mark.colon) ? name : undefined
    }
    return undefined
  }

  #text(): string | undefined {
    const end = this.#string()
    const text = end < 0 ? undefined : this.#body.toString('latin1', this.#at, end)
    this.#at = end + 1
    return text !== undefined && /^[ !#-[\]-~]*$/.test(text) ? text : undefined
  }

  #hashKey(): bigint | undefined {
    const parsed = hashShape.safeParse(this.#text())
    const hash = parsed.success ? BigInt(parsed.data) : hashSpace
    return hash < hashSpace ? hash : undefined
  }

  /** Goes to the first character of a string; the place of the quote that ends it, negative if there is none. */
  #string(): number {
    return this.#passes(mark.quote) ? this.#body.indexOf(mark.quote, this.#at) : -1
  }

  /** Passes over a mark, and the whitespace before it. */
  #passes(wanted: number): boolean {
    const body = this.#body
    let byte = body[this.#at]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.#at += 1
      byte = body[this.#at]
    }
    if (byte !== wanted) return false
    this.#at += 1
    return true
  }

  #isOver(): boolean {
    return /^[ \n\r\t]*$/.test(this.#body.toString('latin1', this.#at))
  }
}

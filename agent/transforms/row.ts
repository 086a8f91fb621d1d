import { isUtf8 } from 'node:buffer'
import { type Attributes, isAttributes } from '../../shared/record.ts'
import type { Fields } from '../formats/fields.ts'
import { printJson } from '../formats/json-object.ts'

export interface RowFacts {
  readonly partitionKey: string
  readonly time: number
  readonly attributes: Attributes | null
}

/** One record on its way through a chain. It is parsed and printed at most once. */
export class Row {
  partitionKey: string
  time: number
  attributes: Attributes | null
  readonly #bytes: Buffer
  #text: string | undefined
  #fields: Fields | undefined
  /** What the data of the record is by now. */
  #form: 'bytes' | 'text' | 'fields' = 'bytes'
  #redact: ((text: string) => string) | undefined

  /** `bytes` belong to the chunk and are not changed. */
  constructor(bytes: Buffer, facts: RowFacts) {
    this.#bytes = bytes
    this.partitionKey = facts.partitionKey
    this.time = facts.time
    this.attributes = facts.attributes
  }

  /** The data as text; bytes that are not UTF-8 are a character each. */
  get text(): string {
    this.#text ??=
      this.#form === 'fields' ? printJson(this.#fields ?? {}) : this.#bytes.toString(this.#encoding)
    return this.#text
  }

  /** The data as it is to be stored; the very bytes of the source where nothing changed them. */
  get data(): Buffer {
    if (this.#form === 'bytes') return this.#bytes
    return Buffer.from(this.text, this.#form === 'text' ? this.#encoding : 'utf8')
  }

  /** The data as the source gave it, without what must not be seen: where `data` cannot be stored. */
  get original(): Buffer {
    if (!this.#redact) return this.#bytes
    return Buffer.from(this.#redact(this.#bytes.toString(this.#encoding)), this.#encoding)
  }

  get hasOriginalData(): boolean {
    return this.#form === 'bytes'
  }

  /** Whether the data is made from the fields. */
  get isPrinted(): boolean {
    return this.#form === 'fields'
  }

  /** What the record says, once it was parsed. Whoever changes it calls `setFields`. */
  get fields(): Fields | undefined {
    return this.#fields
  }

  /** The data was understood, and stays as it is. */
  parsed(fields: Fields): void {
    this.#fields = fields
  }

  /** The data becomes the JSON of these fields. */
  setFields(fields: Fields): void {
    this.#fields = fields
    this.#form = 'fields'
    this.#text = undefined
  }

  /** The data becomes this text, of which no fields are known. */
  setText(text: string): void {
    this.#fields = undefined
    this.#form = 'text'
    this.#text = text
  }

  /** Whoever goes back to the original data must take these things out of it. */
  redactOriginal(redact: (text: string) => string): void {
    const before = this.#redact
    this.#redact = before ? (text) => redact(before(text)) : redact
  }

  /** Adds attributes. False, changing nothing, when a record cannot have so many. */
  mark(more: Attributes): boolean {
    const attributes = this.attributes === null ? more : { ...this.attributes, ...more }
    if (this.attributes !== null && !isAttributes(attributes)) return false
    this.attributes = attributes
    return true
  }

  get #encoding(): 'utf8' | 'latin1' {
    return isUtf8(this.#bytes) ? 'utf8' : 'latin1'
  }
}

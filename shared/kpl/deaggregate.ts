import { createHash } from 'node:crypto'
import { HeadwaterError } from '../errors.ts'
import { decodeExtra } from './extra-reader.ts'
import { type AggregateMembers, extraField, kplMagic } from './kpl.ts'
import { malformed, ProtobufReader, wireType } from './protobuf.ts'

const digestBytes = 16
const noHashKey = 0xffffffff

/**
 * The members of a KPL aggregate, of ours or of another producer, as views of `data`. Undefined
 * when it is none: no magic, too short, the digest does not match, or the message is malformed; it
 * is then one plain record. Never throws.
 */
export function decodeAggregate(data: Buffer): AggregateMembers | undefined {
  if (data.length <= kplMagic.length + digestBytes) return undefined
  if (!data.subarray(0, kplMagic.length).equals(kplMagic)) return undefined
  const message = data.subarray(kplMagic.length, -digestBytes)
  const digest = createHash('md5').update(message).digest()
  if (!data.subarray(-digestBytes).equals(digest)) return undefined
  try {
    return new AggregateReader().read(message)
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === 'invalid') return undefined
    throw error
  }
}

/** The MD5 of its message, with which an aggregate ends; base64. */
export function digestOf(aggregate: Buffer): string {
  return aggregate.toString('base64', aggregate.length - digestBytes)
}

/** Collects the fields of the message, which other producers may write in any order. */
class AggregateReader {
  readonly #partitionKeys: string[] = []
  readonly #partitionKey: number[] = []
  readonly #explicitHashKeys: string[] = []
  readonly #explicitHashKey: number[] = []
  readonly #data: Buffer[] = []
  #extra: Buffer | undefined

  read(message: Buffer): AggregateMembers {
    const reader = new ProtobufReader(message)
    while (!reader.atEnd) this.#field(reader)
    checkIndexes(this.#partitionKey, this.#partitionKeys.length)
    checkIndexes(
      this.#explicitHashKey.filter((index) => index !== noHashKey),
      this.#explicitHashKeys.length
    )
    const extra = this.#extra && decodeExtra(this.#extra, this.#data.length)
    return {
      count: this.#data.length,
      partitionKeys: this.#partitionKeys,
      partitionKey: Uint32Array.from(this.#partitionKey),
      explicitHashKeys: this.#explicitHashKeys,
      explicitHashKey: Uint32Array.from(this.#explicitHashKey),
      data: this.#data,
      ...(extra ? { extra } : {})
    }
  }

  #field(reader: ProtobufReader): void {
    const tag = reader.varint()
    if (tag === fieldTag(1)) this.#partitionKeys.push(reader.text())
    else if (tag === fieldTag(2)) this.#explicitHashKeys.push(reader.text())
    else if (tag === fieldTag(3)) this.#member(new ProtobufReader(reader.bytes()))
    else if (tag === fieldTag(extraField)) this.#extra = reader.bytes()
    else reader.skip(tag % 8)
  }

  #member(reader: ProtobufReader): void {
    let partitionKey: number | undefined
    let explicitHashKey = noHashKey
    let data: Buffer | undefined
    while (!reader.atEnd) {
      const tag = reader.varint()
      if (tag === 0x08) partitionKey = reader.varint()
      else if (tag === 0x10) explicitHashKey = reader.varint()
      else if (tag === 0x1a) data = reader.bytes()
      else reader.skip(tag % 8)
    }
    if (partitionKey === undefined) malformed('has a record without a partition key')
    if (data === undefined) malformed('has a record without data')
    this.#partitionKey.push(partitionKey)
    this.#explicitHashKey.push(explicitHashKey)
    this.#data.push(data)
  }
}

function fieldTag(field: number): number {
  return field * 8 + wireType.bytes
}

function checkIndexes(indexes: readonly number[], size: number): void {
  for (const index of indexes) {
    if (index >= size) malformed(`points at entry ${index} of a table of ${size}`)
  }
}

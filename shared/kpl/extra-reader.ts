import { HeadwaterError } from '../errors.ts'
import { type Attributes, isAttributes, isName } from '../record.ts'
import { decodeCbor } from '../wire/cbor.ts'
import { Fields, integerOf } from '../wire/fields.ts'
import { clockStates } from '../wire/batch.ts'
import type { AggregateExtra, ClockedSource } from './kpl.ts'

/**
 * The extra columns of an aggregate of `count` members. Undefined when they are not ours or of a
 * version that is not known: the members then stand without identity.
 */
export function decodeExtra(bytes: Buffer, count: number): AggregateExtra | undefined {
  try {
    const fields: Fields = new Fields(decodeCbor(bytes, 'aggregate'), 'aggregate')
    if (fields.uint('v') !== 1) return undefined
    const sources = fields.array('sources').map((value) => readSource(fields, value))
    const source = fields.has('source')
      ? Uint32Array.from(readIntegers(fields, 'source', count))
      : new Uint32Array(count)
    if (source.some((index) => index >= sources.length)) {
      fields.fail('source', 'points outside "sources"')
    }
    return {
      sources,
      source,
      seqs: undelta(readIntegers(fields, 'seqs', count)),
      times: undelta(readIntegers(fields, 'times', count)),
      ...(fields.has('attrs') ? { attributes: readAttributes(fields, count) } : {})
    }
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === 'invalid') return undefined
    throw error
  }
}

function readSource(fields: Fields, value: unknown): ClockedSource {
  if (!Array.isArray(value)) fields.fail('sources', 'must hold arrays')
  const [device, epoch, lane, state] = value as unknown[]
  if (!isName(device)) fields.fail('sources', 'must hold device ids')
  if (!(epoch instanceof Uint8Array) || epoch.length !== 16) {
    fields.fail('sources', 'must hold epochs of 16 bytes')
  }
  if (lane !== 0 && lane !== 1) fields.fail('sources', 'must hold lanes 0 or 1')
  const clock = clockStates[Number(state ?? Number.NaN)]
  const known = clock === undefined ? {} : { clock }
  return { device, epoch: Buffer.from(epoch).toString('hex'), lane, ...known }
}

function readIntegers(fields: Fields, name: string, count: number): Float64Array {
  const values = fields.array(name)
  if (values.length !== count) fields.fail(name, `must have ${count} entries, one a record`)
  const column = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const value = integerOf(values[i])
    if (value === undefined) fields.fail(name, `must hold integers (entry ${i})`)
    column[i] = value
  }
  return column
}

/** Turns differences into values, in place. */
function undelta(column: Float64Array): Float64Array {
  let value = 0
  for (let i = 0; i < column.length; i++) {
    value += column[i] as number
    column[i] = value
  }
  return column
}

function readAttributes(fields: Fields, count: number): (Attributes | null)[] {
  const values = fields.array('attrs')
  if (values.length !== count) fields.fail('attrs', `must have ${count} entries, one a record`)
  return values.map((value, i) => {
    if (value === null || isAttributes(value)) return value
    return fields.fail('attrs', `must hold maps of text to text, or null (entry ${i})`)
  })
}

import fc from 'fast-check'
import type { AggregateRun } from '../../../shared/kpl/aggregate-writer.ts'
import { type SequenceSource, sourceKey } from '../../../shared/kpl/kpl.ts'
import { type Attributes, offsetsOf } from '../../../shared/record.ts'

/** One record as a test speaks of it. */
export interface PlainMember {
  readonly partitionKey: string
  readonly data: Buffer
  readonly time: number
  readonly attributes: Attributes | null
}

export const partitionKey = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.nat({ max: 3 }).map(String),
  fc.constantFrom('__proto__', 'constructor', 'é', '🚚')
)

export const member: fc.Arbitrary<PlainMember> = fc.record({
  partitionKey,
  data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  time: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
  attributes: fc.option(
    fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 20 }), {
      noNullPrototype: true
    }),
    { freq: 4 }
  )
})

export const source: fc.Arbitrary<SequenceSource> = fc.record(
  {
    device: fc.constantFrom('pi-1', 'pi-2', 'd'.repeat(128)),
    epoch: fc.constantFrom('00112233445566778899aabbccddeeff', 'f'.repeat(32)),
    lane: fc.constantFrom(0 as const, 1 as const)
  },
  { noNullPrototype: true }
)

/** The members as the run of a batch. */
export function runOf(
  members: readonly PlainMember[],
  source: SequenceSource,
  first: number
): AggregateRun {
  const keys = [...new Set(members.map((one) => one.partitionKey))]
  const lens = Uint32Array.from(members, (one) => one.data.length)
  return {
    records: {
      keys,
      key: Uint32Array.from(members, (one) => keys.indexOf(one.partitionKey)),
      times: Float64Array.from(members, (one) => one.time),
      lens,
      data: Buffer.concat(members.map((one) => one.data)),
      ...(members.some((one) => one.attributes)
        ? { attributes: members.map((one) => one.attributes) }
        : {})
    },
    offsets: offsetsOf(lens),
    source,
    sourceKey: sourceKey(source),
    first,
    offsetMs: 0
  }
}

import { Chain } from '../../../agent/transforms/chain.ts'
import { allKinds } from '../../../agent/kinds.ts'
import { transformsField } from '../../../agent/transforms/transforms-field.ts'
import { validate } from '../../../shared/config/validate.ts'
import { type Attributes, keyOf, offsetsOf, type RecordColumns } from '../../../shared/record.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

/** One record as it went in or came out; what is left out is the same as in `columns`. */
export interface Sample {
  readonly text: string
  readonly time?: number
  readonly partitionKey?: string
  readonly attributes?: Attributes
}

const { transforms } = await allKinds()
const field = transformsField(transforms)

/** A chain as a person writes it. */
export function chainOf(...written: readonly object[]): Chain {
  const context = { clock: new ManualClock(), random: new SeededRandom(1) }
  const entries = field
    .parse(written)
    .flatMap((entry) =>
      [...transforms.values()].flatMap((type) =>
        entry[type.key] === undefined ? [] : { type, options: entry[type.key] }
      )
    )
  return new Chain(entries, context)
}

/** What a person is told of a chain that cannot be: `<path>: <message>`. */
export function problemsOf(...written: readonly object[]): string[] {
  const result = validate(field, written)
  return result.ok
    ? []
    : result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

export function columns(samples: readonly (string | Sample)[]): RecordColumns {
  const all = samples.map((one) => (typeof one === 'string' ? { text: one } : one))
  const data = all.map(({ text }) => Buffer.from(text))
  const keys = [...new Set(['device-1', ...all.map((one) => one.partitionKey ?? 'device-1')])]
  return {
    keys,
    key: Uint32Array.from(all, (one) => keys.indexOf(one.partitionKey ?? 'device-1')),
    times: Float64Array.from(all, (one) => one.time ?? 1000),
    lens: Uint32Array.from(data, (one) => one.length),
    data: Buffer.concat(data),
    attributes: all.map((one) => one.attributes ?? null)
  }
}

export function samplesOf(records: RecordColumns): Required<Sample>[] {
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) => ({
    text: records.data.toString('utf8', offsets[i], offsets[i + 1]),
    time: records.times[i] ?? Number.NaN,
    partitionKey: keyOf(records, i),
    attributes: records.attributes?.[i] ?? {}
  }))
}

/** What comes out of one chunk. */
export function pass(
  chain: Chain,
  samples: readonly (string | Sample)[],
  mayHold = false
): Required<Sample>[] {
  return samplesOf(chain.apply(columns(samples), mayHold))
}

export function texts(chain: Chain, samples: readonly (string | Sample)[]): string[] {
  return pass(chain, samples).map(({ text }) => text)
}

/** The JSON of the one record that comes out. */
export function fieldsOf(chain: Chain, text: string): unknown {
  return JSON.parse(texts(chain, [text])[0] ?? '')
}

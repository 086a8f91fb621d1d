import { Fields } from '../../../shared/wire/fields.ts'

/** Keys and values, each key once. */
export type Tags = readonly (readonly [key: string, value: string])[]

/** What the wire API keeps of a stream beside its shards, in the words of the API. */
export interface StreamSettings {
  readonly createdMs: number
  readonly mode: 'PROVISIONED' | 'ON_DEMAND'
  readonly tags: Tags
  /** Kept and echoed; nothing is encrypted with it. */
  readonly keyId?: string | undefined
  readonly shardLevelMetrics: readonly string[]
  /** Kept and echoed; nothing is decided by it. */
  readonly policy?: string | undefined
  readonly warmThroughputMiBps?: number | undefined
  readonly consumers: readonly StreamConsumer[]
}

/** A consumer with enhanced fan-out. Its ARN ends with `name:createdSeconds`. */
export interface StreamConsumer {
  readonly name: string
  readonly createdSeconds: number
  readonly tags: Tags
  readonly policy?: string | undefined
}

/** Of a stream that was just made. */
export function newSettings(createdMs: number): StreamSettings {
  return { createdMs, mode: 'PROVISIONED', tags: [], shardLevelMetrics: [], consumers: [] }
}

/** What was encoded as CBOR. Throws `invalid` naming the field. */
export function decodeSettings(value: unknown): StreamSettings {
  const fields = new Fields(value, 'stream: settings')
  return {
    createdMs: fields.uint('createdMs'),
    mode: fields.text('mode') === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED',
    tags: readTags(fields),
    shardLevelMetrics: fields.array('shardLevelMetrics').map(String),
    consumers: fields.array('consumers').map(readConsumer),
    ...(fields.has('keyId') ? { keyId: fields.text('keyId') } : {}),
    ...(fields.has('policy') ? { policy: fields.text('policy') } : {}),
    ...(fields.has('warmThroughputMiBps')
      ? { warmThroughputMiBps: fields.uint('warmThroughputMiBps') }
      : {})
  }
}

function readConsumer(value: unknown): StreamConsumer {
  const fields = new Fields(value, 'consumer')
  return {
    name: fields.text('name'),
    createdSeconds: fields.uint('createdSeconds'),
    tags: readTags(fields),
    ...(fields.has('policy') ? { policy: fields.text('policy') } : {})
  }
}

function readTags(fields: Fields): Tags {
  return fields.array('tags').map((pair) => {
    const [key, value] = Array.isArray(pair) ? pair : []
    return [String(key), String(value)]
  })
}

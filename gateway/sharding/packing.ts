import type { StreamDescription } from '../engines/engine.ts'
import { AggregateRow } from './aggregate-row.ts'
import type { HashKeyCache } from './hash-key-cache.ts'
import type { ParcelRow } from './parcel.ts'
import { PlainRow } from './plain-row.ts'

/**
 * How the records of a stream are packed. `kpl`: as aggregates. `per-key`: as aggregates of one
 * partition key each, which keeps strict order for readers of other makes also across a reshard.
 * `off`: one by one and without identity, for consumers that do not de-aggregate.
 */
export type Aggregation = 'kpl' | 'per-key' | 'off'

export interface PackingOptions {
  readonly aggregation: Aggregation
  readonly maxAggregateBytes: number
  /** Of the stream, as it is known at the time. */
  readonly maxRecordBytes: () => number
  readonly hashes: HashKeyCache
  /** Whether the engine stores the entries of a put for one shard in one transaction. */
  readonly transactional: boolean
}

/**
 * What an aggregate of one record takes besides its data, its key and its attributes, at most:
 * magic and digest, explicit hash key, lengths, identity with a device id of 128 bytes, time.
 */
const wrappingBytes = 512
/** An outer partition key of 256 characters in UTF-8. */
const outerKeyBytes = 1024

export function rowFactory(
  description: StreamDescription,
  options: PackingOptions
): () => ParcelRow {
  const { aggregation, hashes, transactional } = options
  if (effective(description, aggregation) === 'off') {
    const ordered = transactional || description.distribution === 'auto'
    return () => new PlainRow({ hashes, sharing: ordered ? 'all' : 'distinct-keys' })
  }
  const perKey = aggregation === 'per-key'
  const maxBytes = () =>
    Math.min(options.maxAggregateBytes, options.maxRecordBytes()) - (perKey ? outerKeyBytes : 1)
  // One of many keys is as large as a put should be; those of one key may be as small as a record.
  const sharing = perKey && transactional ? 'all' : 'none'
  // The outer key counts as well. Aggregates of one key are too small to be filled to a size.
  const unit = perKey ? undefined : description.payloadUnitBytes
  const billing = unit === undefined ? {} : { unitBytes: unit - 1 }
  return () => new AggregateRow({ maxBytes, perKey, sharing, hashes, ...billing })
}

/** Largest record with its partition key and attributes that fits into one entry. */
export function maxRecordBytes(description: StreamDescription, aggregation: Aggregation): number {
  const mode = effective(description, aggregation)
  if (mode === 'off') return description.maxRecordBytes
  return description.maxRecordBytes - wrappingBytes - (mode === 'per-key' ? outerKeyBytes : 0)
}

/** An engine that chooses the shard itself would split aggregates from where readers seek them. */
function effective(description: StreamDescription, aggregation: Aggregation): Aggregation {
  return description.distribution === 'auto' ? 'off' : aggregation
}

import { decodeAggregate, digestOf } from '../../shared/kpl/deaggregate.ts'
import type { ClockedSource } from '../../shared/kpl/kpl.ts'
import type { Attributes } from '../../shared/record.ts'
import type { BatchLane, ClockState } from '../../shared/wire/batch.ts'
import type { ShardId, StreamRecord } from '../engines/engine.ts'
import type { RepeatFilter } from './repeat-filter.ts'

/** A record as it was sent, taken out of the aggregate that carried it. */
export interface UserRecord {
  readonly stream: string
  readonly shard: ShardId
  readonly sequence: string
  /** Position within the aggregate; 0 for a record that came alone. */
  readonly subSequence: number
  readonly partitionKey: string
  /** Event time, milliseconds; time of arrival where the record does not carry one. */
  readonly time: number
  readonly arrivalMs: number
  /** Whether it came as a member of an aggregate. */
  readonly aggregated: boolean
  /** Identity, of records that carry it. */
  readonly device?: string
  readonly epoch?: string
  readonly lane?: BatchLane
  readonly seq?: number
  /** What the clock of the device was worth when it took the time, where that is known. */
  readonly clock?: ClockState | undefined
  readonly attributes?: Attributes
  readonly data: Buffer
}

const noSource: ClockedSource = { device: '', epoch: '', lane: 0 }

/** The user records of one stream record, without those that are repeats. */
export function* unpack(
  record: StreamRecord,
  place: { readonly stream: string; readonly shard: ShardId },
  repeats: RepeatFilter
): Generator<UserRecord> {
  const { sequence, arrivalMs, partitionKey, data } = record
  const common = { ...place, sequence, arrivalMs }
  const members = decodeAggregate(data)
  if (!members) {
    yield { ...common, aggregated: false, subSequence: 0, partitionKey, time: arrivalMs, data }
    return
  }
  const { extra } = members
  for (const i of repeats.newOf(members, digestOf(data))) {
    const partitionKey = members.partitionKeys[members.partitionKey[i] as number] ?? ''
    const memberData = members.data[i] as Buffer
    const plain = { ...common, aggregated: true, subSequence: i, partitionKey, data: memberData }
    if (!extra) {
      yield { ...plain, time: arrivalMs }
      continue
    }
    const source = extra.sources[extra.source[i] as number] ?? noSource
    const seq = extra.seqs[i] as number
    const attributes = extra.attributes?.[i]
    const time = extra.times[i] as number
    yield { ...plain, ...source, time, seq, ...(attributes ? { attributes } : {}) }
  }
}

import { HeadwaterError } from '../../../../../shared/errors.ts'
import type { PutEntry, PutOutcome } from '../../../engine.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { Call } from '../operation.ts'
import { definitionOf } from '../stream-identity.ts'
import { type RecordInput, sizeOf } from './record-input.ts'
import { rateText, type ShardLimits } from './shard-limits.ts'

/** Reshards that may come between the look at the shards and the commit of one call. */
const maxAttempts = 5
const noMarks: PutEntry['marks'] = []

/** Records of one call with their places in the hash space. */
export interface RoutedRecords {
  readonly stream: string
  readonly records: readonly RecordInput[]
  readonly hashes: readonly bigint[]
}

interface RecordPutterOptions {
  readonly limits: ShardLimits | undefined
  /** As in `WireContext`. */
  readonly spareBytes: number | undefined
}

/** Throws `unavailable` when nobody waits for the outcome any more. */
export function requireAsked({ isOver }: Call): void {
  if (isOver) throw new HeadwaterError('unavailable', 'the put was given up')
}

/** Stores the records of one call, each in the shard that its hash key belongs to. */
export class RecordPutter {
  readonly #engine: EmbeddedEngine
  readonly #limits: ShardLimits | undefined
  readonly #spareBytes: number

  constructor(engine: EmbeddedEngine, options: RecordPutterOptions) {
    this.#engine = engine
    this.#limits = options.limits
    this.#spareBytes = options.spareBytes ?? 0
  }

  /** Whether each record is counted against the throughput of its shard. */
  get limited(): boolean {
    return this.#limits !== undefined
  }

  /** Largest record that a stream takes, key included. */
  maxRecordBytes(stream: string): number {
    return definitionOf(this.#engine, stream).maxRecordBytes - this.#spareBytes
  }

  /**
   * Outcomes in the order of the records. Those of one key are stored in their order, also when a
   * reshard comes between; but for those that are throttled. Rejects when nothing is known of them.
   */
  async put(routed: RoutedRecords, call: Call): Promise<PutOutcome[]> {
    const outcomes = Array.from<PutOutcome>({ length: routed.records.length })
    let left = routed.records.map((_, at) => at)
    for (let attempt = 0; attempt < maxAttempts && left.length > 0; attempt++) {
      const { entries, positions } = this.#route(routed, left, outcomes)
      left = []
      if (entries.length === 0) break
      requireAsked(call)
      const answers = await this.#engine.put(routed.stream, entries)
      answers.forEach((answer, i) => {
        const at = positions[i] as number
        outcomes[at] = answer
        if (answer.status === 'wrong_shard') left.push(at)
      })
    }
    return outcomes
  }

  /** The entries of those records at `left` that their shards have room for; the others get their outcome. */
  #route(
    { stream, records, hashes }: RoutedRecords,
    left: readonly number[],
    outcomes: PutOutcome[]
  ): { entries: PutEntry[]; positions: number[] } {
    const { shards } = definitionOf(this.#engine, stream)
    const entries: PutEntry[] = []
    const positions: number[] = []
    for (const at of left) {
      const record = records[at] as RecordInput
      const hash = hashes[at] as bigint
      const row = shards.openAt(hash)
      if (this.#limits && !this.#limits.write(row, sizeOf(record))) {
        outcomes[at] = { status: 'throttled', message: rateText(row, stream) }
        continue
      }
      positions.push(at)
      entries.push({
        shard: shardIdOf(row.index),
        partitionKey: record.PartitionKey,
        hashKey: hash,
        data: record.Data,
        marks: noMarks
      })
    }
    return { entries, positions }
  }
}

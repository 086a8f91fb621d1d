import { HeadwaterError } from '../../shared/errors.ts'
import { type SequenceSource, sourceKey } from '../../shared/kpl/kpl.ts'
import { offsetsOf } from '../../shared/record.ts'
import type { StreamDescription } from '../engines/engine.ts'
import type { ByteBudget } from './byte-budget.ts'
import { park } from './dead-letter.ts'
import { Dispatcher } from './dispatcher.ts'
import { HashKeyCache } from './hash-key-cache.ts'
import { LaneSet } from './lane-set.ts'
import { Lane, type LaneOptions, type LaneOwner } from './lane.ts'
import { MapWatch } from './map-watch.ts'
import { maxRecordBytes, rowFactory } from './packing.ts'
import { overheadBytes, type Parcel } from './parcel.ts'
import { PendingBatch } from './pending-batch.ts'
import { RepeatMarks, type SourceMarks } from './repeat-marks.ts'
import { type Part, routeBatch } from './route-batch.ts'
import type { ShardMap } from './shard-map.ts'
import type { AdmittedBatch, LaneStats, Taken } from './sharding.ts'
import type { ShardingOptions } from './sharding-options.ts'

export interface StreamLanesOptions extends ShardingOptions {
  readonly budget: ByteBudget
  /** Aborts when the program stops. */
  readonly signal: AbortSignal
  /** The stream does not exist any more; its lanes have given up. */
  readonly onGone: () => void
}

/** One stream: its lanes, what is known of its sources, and the puts. */
export class StreamLanes implements LaneOwner {
  readonly #options: StreamLanesOptions
  readonly #stream: string
  readonly #hashes = new HashKeyCache()
  readonly #marks: RepeatMarks
  readonly #lanes: LaneSet
  readonly #dispatcher: Dispatcher
  readonly #watch: MapWatch
  #stopping = false

  constructor(map: ShardMap, options: StreamLanesOptions) {
    const { stream, maxPutEntries, maxPutBytes } = map.description
    this.#options = options
    this.#stream = stream
    this.#marks = new RepeatMarks(options.maxSources)
    const laneOptions = this.#laneOptions(map.description)
    this.#lanes = new LaneSet(map, this.#hashes, (shard) => new Lane(shard, laneOptions))
    const limit = { entries: maxPutEntries, bytes: maxPutBytes }
    this.#dispatcher = new Dispatcher({ ...options, stream, limit })
    this.#watch = new MapWatch({
      ...options,
      stream,
      onMap: (read) => this.#lanes.follow(read),
      onGone: (error) => this.#gone(error)
    })
  }

  get maxRecordBytes(): number {
    const { description } = this.#lanes.map
    return maxRecordBytes(description, this.#options.aggregation(this.#stream))
  }

  /** Why the engine does not store what it is given; undefined when it does. */
  get trouble(): string | undefined {
    return this.#dispatcher.trouble
  }

  /** Undefined when the marks of the source are loaded. */
  prepare(source: SequenceSource): Promise<void> | undefined {
    const key = sourceKey(source)
    return this.#marks.load(key, () => this.#options.engine.marks(this.#stream, key))
  }

  take(batch: AdmittedBatch, arrival: number): Taken {
    const key = sourceKey(batch.source)
    const marks = batch.repeatable ? this.#marksOf(key) : undefined
    const { parts, repeats } = routeBatch(batch, {
      map: this.#lanes.map,
      hashes: this.#hashes,
      marks
    })
    this.#reserve(parts)
    const records = parts.reduce((sum, part) => sum + part.records, 0)
    const pending = new PendingBatch(arrival, records)
    const offsets = offsetsOf(batch.records.lens)
    for (const { shard, indexes } of parts) {
      this.#lanes.at(shard).add({
        records: batch.records,
        offsets,
        ...(indexes ? { indexes } : {}),
        source: batch.source,
        sourceKey: key,
        first: batch.first,
        offsetMs: batch.offsetMs,
        clock: batch.clock,
        batch: pending,
        repeatable: batch.repeatable
      })
    }
    return { durable: pending.durable, repeats }
  }

  /** The shards may have changed. */
  refresh(): void {
    this.#watch.refresh()
  }

  /** From now on nothing lingers. */
  flush(): void {
    this.#stopping = true
    for (const lane of this.#lanes.all) lane.hurry()
  }

  abandon(error: HeadwaterError): void {
    for (const lane of this.#lanes.all) lane.abandon(error)
  }

  stats(): LaneStats[] {
    return this.#lanes.all.map((lane) => ({
      stream: this.#stream,
      shard: lane.shard.id,
      queuedBytes: lane.bytes,
      queuedRecords: lane.records,
      throttles: lane.meter.throttles,
      putRecords: lane.meter.putRecords,
      putBytes: lane.meter.putBytes,
      puts: lane.meter.puts,
      payloadUnits: lane.meter.payloadUnits
    }))
  }

  offer(lane: Lane): void {
    this.#dispatcher.offer(lane)
  }

  settle(lane: Lane, parcel: Parcel): void {
    for (const { source, seq } of parcel.marks) this.#marks.raise(source, lane.shard.id, seq)
    for (const { batch, records } of parcel.spans) batch.settle(records)
  }

  async park(lane: Lane, parcel: Parcel, message: string): Promise<void> {
    for (const { batch: _batch, repeatable: _repeatable, ...record } of parcel.unpack()) {
      const letter = { ...record, stream: this.#stream, shard: lane.shard.id, message }
      await park(letter, this.#options)
    }
  }

  misrouted(): void {
    this.refresh()
  }

  closed(): void {
    this.#lanes.routeAnew()
  }

  #marksOf(source: string): SourceMarks {
    const marks = this.#marks.get(source)
    if (marks) return marks
    throw new HeadwaterError('unavailable', `source ${source} is not prepared`)
  }

  /** Throws when a lane or all lanes together have no room; nothing was taken then. */
  #reserve(parts: readonly Part[]): void {
    let total = 0
    for (const part of parts) {
      const bytes = part.bytes + overheadBytes
      total += bytes
      const lane = this.#lanes.at(part.shard)
      if (lane.admits(bytes)) continue
      throw new HeadwaterError(
        'throttled',
        `shard ${lane.shard.id} of stream ${this.#stream} takes less than it is sent`,
        { retryAfterMs: lane.retryAfterMs(bytes) }
      )
    }
    if (total === 0 || this.#options.budget.admits(total)) return
    throw new HeadwaterError(
      'unavailable',
      'the gateway holds as much as its memory bound allows',
      {
        retryAfterMs: 1000
      }
    )
  }

  #laneOptions(description: StreamDescription): LaneOptions {
    const { engine, aggregation, lingerMs, laneShareBytes } = this.#options
    const { payloadUnitBytes } = description
    return {
      ...this.#options,
      owner: this,
      newRow: rowFactory(description, {
        ...this.#options,
        aggregation: aggregation(this.#stream),
        maxRecordBytes: () => this.#lanes.map.description.maxRecordBytes,
        hashes: this.#hashes,
        transactional: engine.keepsMarks
      }),
      lingerMs: () => (this.#stopping ? 0 : (lingerMs ?? engine.lingerMs)),
      shareBytes: laneShareBytes,
      putLimit: { entries: description.maxPutEntries, bytes: description.maxPutBytes },
      anyShard: description.distribution === 'auto',
      ...(payloadUnitBytes === undefined ? {} : { payloadUnitBytes })
    }
  }

  /** The stream was deleted: its records have nowhere to go, and their senders still hold them. */
  #gone(cause: HeadwaterError): void {
    const error = new HeadwaterError('unavailable', `stream ${this.#stream} was deleted`, { cause })
    this.abandon(error)
    this.#options.onGone()
  }
}

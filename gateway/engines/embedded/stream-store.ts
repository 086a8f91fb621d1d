import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { PutOutcome, ReadRange, ReadResult, ShardId, ShardMark } from '../engine.ts'
import { type PlannedBlock, planCommit, sequenceSeconds } from './commit-plan.ts'
import { type Expect, type PendingPut, PutQueue, refuse, requireWithinLimits } from './put-queue.ts'
import { Serial } from './serial.ts'
import { splitHot } from './shard-load.ts'
import { countOf, type PutPart } from './shard-run.ts'
import type { ReshardMoment, ShardTable } from './shard-table.ts'
import { shardIdOf } from '../shard-id.ts'
import type { StoreContext } from './store-context.ts'
import type { StreamStats } from './engine-stats.ts'
import { StreamCounts } from './stream-counts.ts'
import type { StreamDefinition } from './stream-definition.ts'
import type { StreamLog } from './stream-log.ts'
import { StreamReading } from './stream-reading.ts'

/** One stream: puts are gathered and committed together, reads go beside them. */
export class StreamStore {
  readonly #context: StoreContext
  readonly #records: StreamLog
  readonly #reading: StreamReading
  readonly #queue = new PutQueue()
  /** Commits, reshards and sweeps, one at a time. */
  readonly #turns = new Serial()
  readonly #counts = new StreamCounts()
  #definition: StreamDefinition
  #closed = false

  constructor(definition: StreamDefinition, records: StreamLog, context: StoreContext) {
    this.#definition = definition
    this.#records = records
    this.#context = context
    this.#reading = new StreamReading(records, {
      log: context.log,
      repair: (first, seen) =>
        this.#turns.run(async () => {
          this.#requireOpen()
          await records.repair(first, seen)
        })
    })
  }

  get definition(): StreamDefinition {
    return this.#definition
  }

  /** Makes the first segment of a new stream. */
  begin(): Promise<void> {
    return this.#turns.run(() => this.#records.prepare(this.#definition, 1))
  }

  put(parts: readonly PutPart[], expect?: Expect): Promise<PutOutcome[]> {
    this.#requireOpen()
    let bytes = 0
    let records = 0
    for (const part of parts) {
      bytes += part.data.length
      records += countOf(part)
    }
    requireWithinLimits(records, bytes)
    return new Promise((resolve, reject) => {
      const isFirst = this.#queue.isEmpty
      if (!this.#queue.add({ parts, records, bytes, expect, resolve, reject })) {
        const message = 'more is waiting to be written than the disk keeps up with'
        resolve(parts.map(() => ({ status: 'throttled', message })))
      } else if (isFirst) this.#scheduleCommit()
    })
  }

  async read(shard: ShardId, range: ReadRange): Promise<ReadResult> {
    this.#requireOpen()
    return this.#reading.read(this.#definition.shards.require(shard), range)
  }

  marks(source: string): ShardMark[] {
    const flat = this.#records.memory.marks.of(source)
    return Array.from({ length: flat.length / 2 }, (_, i) => ({
      shard: shardIdOf(flat[i * 2] as number),
      seq: flat[i * 2 + 1] as number
    }))
  }

  /** Puts the shards that `change` makes in place, between two commits; resolves with the new ones. */
  reshard(change: (table: ShardTable, moment: ReshardMoment) => ShardTable): Promise<string[]> {
    return this.#turns.run(async () => {
      this.#requireOpen()
      await this.#records.prepare(this.#definition, 1)
      const before = this.#definition.shards
      const shards = change(before, {
        atIndex: this.#records.nextIndex,
        ageMs: this.#context.age.ageMs(),
        wallSeconds: sequenceSeconds(this.#arrivalMs())
      })
      if (shards === before) return []
      await this.#adopt({ ...this.#definition, shards })
      this.#counts.load.keep(new Set(shards.open().map((row) => row.index)))
      this.#context.events.notify(this.#definition.name, 'shards')
      return shards.rows
        .filter((row) => row.index >= before.nextIndex)
        .map((r) => shardIdOf(r.index))
    })
  }

  /** Puts another definition with the same shards in place, between two commits. */
  alter(change: (definition: StreamDefinition) => StreamDefinition): Promise<void> {
    return this.#turns.run(async () => {
      this.#requireOpen()
      const before = this.#definition
      await this.#adopt(change(before))
      // Who listens for shards has the size of records from the same description.
      if (this.#definition.maxRecordBytes !== before.maxRecordBytes) {
        this.#context.events.notify(before.name, 'shards')
      }
    })
  }

  /** Lets go of what is past retention: segments, then closed shards without records. */
  sweep(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#closed) return
      await this.#records.sweep(this.#definition)
      const now = this.#context.age.ageMs()
      const { shards, retentionMs } = this.#definition
      const left = shards.expire(
        ({ atIndex, ageMs }) => now - ageMs > retentionMs && this.#records.isGone(atIndex)
      )
      if (left !== shards) await this.#adopt({ ...this.#definition, shards: left })
    })
  }

  /** Takes nothing more, writes what it has taken, closes the files. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#turns.run(async () => {
      while (!this.#queue.isEmpty) await this.#commit()
      await this.#records.close()
    })
  }

  stats(): StreamStats {
    const { marks } = this.#records.memory
    return {
      stream: this.#definition.name,
      openShards: this.#definition.shards.open().length,
      ...this.#counts.totals,
      refusedPuts: this.#queue.refused,
      segments: this.#records.firsts.length,
      segmentBytes: this.#records.bytes,
      marks: marks.rows,
      evictedSources: marks.evicted,
      corruptBlocks: this.#reading.corruptBlocks,
      salvagedSegments: this.#records.salvaged
    }
  }

  /** What has come in beside the first put is read before, and goes into the same commit. */
  #scheduleCommit(): void {
    setImmediate(() => {
      void this.#turns.run(() => this.#commit())
    })
  }

  async #commit(): Promise<void> {
    const puts = this.#queue.take()
    if (puts.length === 0) return
    if (!this.#queue.isEmpty) this.#scheduleCommit()
    try {
      await this.#prepare(puts)
    } catch (thrown) {
      this.#counts.totals.failedCommits += 1
      refuse(puts, asHeadwaterError(thrown))
      return
    }
    try {
      await this.#store(puts)
    } catch (thrown) {
      this.#counts.totals.failedCommits += 1
      const error = asHeadwaterError(thrown, 'unavailable')
      for (const put of puts) put.reject(error)
    }
  }

  async #prepare(puts: readonly PendingPut[]): Promise<void> {
    let count = 0
    for (const put of puts) count += put.records
    await this.#context.disk.require()
    await this.#records.prepare(this.#definition, count)
  }

  /** Rejects when nothing is known of these puts. */
  async #store(puts: readonly PendingPut[]): Promise<void> {
    const plan = planCommit(
      puts.map((put) => put.parts),
      {
        ...this.#definition,
        nextIndex: this.#records.nextIndex,
        arrivalMs: this.#arrivalMs(),
        ageMs: this.#context.age.ageMs()
      }
    )
    const startMs = this.#context.clock.monoMs()
    const appended = this.#records.append(plan)
    puts.forEach((put, i) => put.expect?.(plan.outcomes[i] ?? []))
    if (!(await appended)) {
      this.#counts.totals.failedCommits += 1
      refuse(puts, new HeadwaterError('unavailable', 'the disk did not take it'))
      return
    }
    puts.forEach((put, i) => {
      put.resolve(plan.outcomes[i] ?? [])
    })
    if (plan.blocks.length === 0) return
    const nowMs = this.#context.clock.monoMs()
    this.#counts.add(plan.blocks, (nowMs - startMs) / 1000)
    this.#context.events.notify(this.#definition.name, 'records')
    if (this.#definition.settings.mode === 'ON_DEMAND') this.#relieve(plan.blocks, nowMs)
  }

  /** Splits the shards that take more than one should. */
  #relieve(blocks: readonly PlannedBlock[], nowMs: number): void {
    const hot = this.#counts.load.add(blocks, nowMs)
    if (hot.length === 0) return
    this.reshard((table, moment) => splitHot(table, hot, moment)).catch((error: unknown) => {
      this.#context.log.warn({ error, stream: this.#definition.name }, 'a hot shard was not split')
    })
  }

  /** Wall time, but never earlier than that of a record before. */
  #arrivalMs(): number {
    return Math.max(Math.floor(this.#context.clock.wallMs()), this.#records.memory.arrivalMs)
  }

  async #adopt(definition: StreamDefinition): Promise<void> {
    await this.#context.catalog.saveStream(definition)
    this.#definition = definition
    await this.#records.saveDefinition(definition)
  }

  #requireOpen(): void {
    if (this.#closed) throw new HeadwaterError('unavailable', 'the engine is stopping')
  }
}

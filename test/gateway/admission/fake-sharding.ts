import { HeadwaterError } from '../../../shared/errors.ts'
import { type SequenceSource, sourceKey } from '../../../shared/kpl/kpl.ts'
import type {
  AdmittedBatch,
  Sharding,
  ShardingStats,
  Taken
} from '../../../gateway/sharding/sharding.ts'

/** What outlives a gateway: the records that are durable, and the highest number of each source. */
export class FakeDisk {
  readonly records: { stream: string; source: string; seq: number; key: string; data: string }[] =
    []
  readonly marks = new Map<string, number>()

  seqs(stream: string, source: SequenceSource): number[] {
    const name = sourceKey(source)
    return this.records.filter((r) => r.stream === stream && r.source === name).map((r) => r.seq)
  }
}

interface Pending {
  readonly store: () => void
  readonly lose: () => void
}

/** One shard that keeps records in a list; durable when `land` says so, or at once. */
export class FakeSharding implements Sharding {
  readonly name = 'sharding'
  readonly disk: FakeDisk
  readonly taken: AdmittedBatch[] = []
  readonly prepared: string[] = []
  /** Streams that exist. */
  streams = ['telemetry']
  maxBytes = 1000
  /** Makes the next takes throw. */
  refusal: HeadwaterError | undefined
  /** When set, loading a stream or source waits for it. */
  loading: Promise<void> | undefined
  holds = false
  /** Told of a stream that is gone. */
  readonly goneListeners: ((stream: string) => void)[] = []
  readonly #loaded = new Map<string, number>()
  readonly #pending: Pending[] = []

  constructor(disk = new FakeDisk()) {
    this.disk = disk
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  prepare(stream: string, source: SequenceSource | undefined): Promise<void> | undefined {
    const name = `${stream}/${source ? sourceKey(source) : ''}`
    this.prepared.push(name)
    if (this.#loaded.has(name)) return undefined
    return this.#load(stream, name)
  }

  take(batch: AdmittedBatch): Taken {
    if (this.refusal) throw this.refusal
    this.taken.push(batch)
    const name = `${batch.stream}/${sourceKey(batch.source)}`
    const mark = this.#loaded.get(name) ?? 0
    const indexes = batch.selected ?? batch.records.lens.map((_, i) => i)
    const fresh = [...indexes].filter((i) => batch.first + i > mark)
    const durable = new Promise<void>((resolve, reject) => {
      this.#pending.push({
        store: () => {
          for (const i of fresh) this.#store(batch, i)
          resolve()
        },
        lose: () => reject(new HeadwaterError('unavailable', 'the gateway stopped first'))
      })
    })
    if (!this.holds) this.land()
    return { durable, repeats: indexes.length - fresh.length }
  }

  maxRecordBytes(): number {
    return this.maxBytes
  }

  onGone(listener: (stream: string) => void): void {
    this.goneListeners.push(listener)
  }

  stats(): ShardingStats {
    return { lanes: [], bytes: 0, maxBytes: 0 }
  }

  /** The first `count` of what was taken become durable, in order. */
  land(count = this.#pending.length): void {
    for (const one of this.#pending.splice(0, count)) one.store()
  }

  /** As at a kill: what is not durable is gone. */
  lose(): void {
    for (const one of this.#pending.splice(0)) one.lose()
  }

  async #load(stream: string, name: string): Promise<void> {
    await this.loading
    if (!this.streams.includes(stream)) {
      throw new HeadwaterError(
        'unknown_stream',
        `no stream "${stream}"; there is ${this.streams.join()}`
      )
    }
    this.#loaded.set(name, this.disk.marks.get(name) ?? 0)
  }

  #store(batch: AdmittedBatch, index: number): void {
    const { records, stream } = batch
    const seq = batch.first + index
    const source = sourceKey(batch.source)
    const at = records.lens.subarray(0, index).reduce((sum, one) => sum + one, 0)
    const data = records.data.toString('utf8', at, at + (records.lens[index] ?? 0))
    const key = records.keys[records.key?.[index] ?? 0] ?? ''
    this.disk.records.push({ stream, source, seq, key, data })
    if (batch.repeatable) this.disk.marks.set(`${stream}/${source}`, seq)
  }
}

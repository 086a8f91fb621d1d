import type { ShardId, ShardMark } from '../engines/engine.ts'
import type { ShardMap } from './shard-map.ts'

/** How far one source is stored, by shard. */
export class SourceMarks {
  readonly #seqs = new Map<ShardId, number>()
  #highest = 0

  /** No record with a higher number is stored. */
  get highest(): number {
    return this.#highest
  }

  get size(): number {
    return this.#seqs.size
  }

  raise(shard: ShardId, seq: number): void {
    if (seq <= (this.#seqs.get(shard) ?? 0)) return
    this.#seqs.set(shard, seq)
    this.#highest = Math.max(this.#highest, seq)
  }

  /**
   * Every record with this hash key and at most this number is stored. A shard takes the records of
   * a source in order, so the highest mark along the lineage of the hash key decides.
   */
  storedThrough(map: ShardMap, hash: bigint): number {
    let through = 0
    for (const [shard, seq] of this.#seqs) {
      if (seq > through && map.covers(shard, hash)) through = seq
    }
    return through
  }
}

/**
 * What is known of the sources of one stream: asked from the engine once, then kept up as records
 * are stored. Over `maxSources` the one not used longest is dropped; it is asked for again.
 */
export class RepeatMarks {
  readonly #maxSources: number
  readonly #sources = new Map<string, SourceMarks>()
  readonly #loading = new Map<string, Promise<void>>()

  constructor(maxSources: number) {
    this.#maxSources = maxSources
  }

  get size(): number {
    return this.#sources.size
  }

  /** Undefined when the source must be loaded first. */
  get(source: string): SourceMarks | undefined {
    const marks = this.#loading.has(source) ? undefined : this.#sources.get(source)
    if (!marks) return undefined
    this.#sources.delete(source)
    this.#sources.set(source, marks)
    return marks
  }

  /** Undefined when it is loaded. Marks raised while `fetch` is under way are kept. */
  load(source: string, fetch: () => Promise<readonly ShardMark[]>): Promise<void> | undefined {
    const loading = this.#loading.get(source)
    if (loading) return loading
    if (this.#sources.has(source)) return undefined
    const marks = new SourceMarks()
    this.#sources.set(source, marks)
    const started = this.#fill(source, marks, fetch).finally(() => this.#loading.delete(source))
    this.#loading.set(source, started)
    return started
  }

  raise(source: string, shard: ShardId, seq: number): void {
    this.#sources.get(source)?.raise(shard, seq)
  }

  async #fill(
    source: string,
    marks: SourceMarks,
    fetch: () => Promise<readonly ShardMark[]>
  ): Promise<void> {
    try {
      for (const { shard, seq } of await fetch()) marks.raise(shard, seq)
    } catch (error) {
      this.#sources.delete(source)
      throw error
    }
    this.#dropOldest()
  }

  #dropOldest(): void {
    for (const source of this.#sources.keys()) {
      if (this.#sources.size <= this.#maxSources) return
      if (!this.#loading.has(source)) this.#sources.delete(source)
    }
  }
}

import { asHeadwaterError } from '../../../shared/errors.ts'
import type { CommitPlan } from './commit-plan.ts'
import type { SegmentReader } from './segment-reader.ts'
import { SegmentRow } from './segment-row.ts'
import { SequenceIndexes } from './sequence-indexes.ts'
import type { StoreContext } from './store-context.ts'
import { encodeDefinition, type StreamDefinition } from './stream-definition.ts'
import { snapshotNames, StreamMemory } from './stream-memory.ts'

/**
 * The records of one stream on disk, with what is known of them in memory. Calls must not overlap,
 * but for `read`.
 */
export class StreamLog {
  readonly #context: StoreContext
  readonly #segments: SegmentRow
  readonly #indexes: SequenceIndexes
  #memory: StreamMemory
  /** Whether something may be in the segments that the memory does not know of. */
  #isUnsure = false

  private constructor(context: StoreContext, segments: SegmentRow, memory: StreamMemory) {
    this.#context = context
    this.#segments = segments
    this.#memory = memory
    this.#indexes = new SequenceIndexes(() => context.catalog.takeRange())
  }

  /** `check`: the last life did not end well. */
  static async open(directory: string, context: StoreContext, check: boolean): Promise<StreamLog> {
    const segments = await SegmentRow.open(directory, context.log, check)
    try {
      const memory = await StreamMemory.restore(segments, context.maxMarks, context.log)
      return new StreamLog(context, segments, memory)
    } catch (thrown) {
      await segments.close()
      throw thrown
    }
  }

  get memory(): StreamMemory {
    return this.#memory
  }

  get nextIndex(): number {
    return this.#indexes.next
  }

  /** First sequence index of each segment, rising. */
  get firsts(): readonly number[] {
    return this.#segments.firsts
  }

  /** Segments that were found damaged in this life. */
  get salvaged(): number {
    return this.#segments.salvaged
  }

  get bytes(): number {
    return this.#segments.bytes + this.#memory.segment.bytes
  }

  /**
   * Makes ready for `count` records: a segment that can be written and is not due to end, and
   * sequence indexes. When it rejects, nothing was written.
   */
  async prepare(definition: StreamDefinition, count: number): Promise<void> {
    if (!this.#segments.writable || this.#isUnsure) {
      this.#isUnsure = true
      await this.#segments.reopen()
      await this.#restore()
      this.#isUnsure = false
    }
    await this.#indexes.reserve(count)
    if (!this.#segments.writable || this.#isDue(definition)) await this.#roll(definition)
  }

  /**
   * Whether the blocks of a plan are durable. After a failure the segment is opened anew to find
   * out; a rejection means that it could not be found out. Their indexes are never used again.
   */
  async append(plan: CommitPlan): Promise<boolean> {
    this.#indexes.advance(plan.nextIndex)
    const [head] = plan.blocks
    if (!head) return true
    try {
      await this.#segments.append(plan.blocks.map(({ block }) => block))
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      this.#context.log.error({ error }, 'a commit failed')
      this.#isUnsure = true
      const before = this.#segments.salvaged
      const isDamaged = error.code === 'store_corrupt'
      const isStored = await this.#segments.recover(head.block.first, isDamaged)
      if (this.#segments.salvaged > before) await this.#restore()
      else if (isStored) this.#memory.add(plan.blocks)
      this.#isUnsure = false
      return isStored
    }
    this.#memory.add(plan.blocks)
    return true
  }

  /** Lends a segment; undefined when it has expired meanwhile. */
  async read<T>(
    first: number,
    work: (reader: SegmentReader) => Promise<T>
  ): Promise<T | undefined> {
    try {
      return await this.#segments.read(first, work)
    } catch (thrown) {
      if (asHeadwaterError(thrown).code === 'not_found') return undefined
      throw thrown
    }
  }

  /** Mends a damaged segment, unless some have been mended since `salvaged` was `seen`. */
  async repair(first: number, seen: number): Promise<void> {
    if (this.salvaged === seen) await this.#segments.repair(first)
  }

  /** Keeps the copy in the newest segment up to date, for the day the catalog is lost. */
  async saveDefinition(definition: StreamDefinition): Promise<void> {
    try {
      await this.#segments.putSnapshot(snapshotNames.definition, encodeDefinition(definition))
    } catch (error) {
      this.#context.log.warn({ error }, 'the copy of a stream definition is out of date')
    }
  }

  /** The newest copy of the definition that is readable. */
  async loadDefinition(): Promise<Buffer | undefined> {
    for (const first of this.firsts.toReversed()) {
      const body = await this.#segments.readOrRepair(first, (reader) =>
        reader.snapshot(snapshotNames.definition)
      )
      if (body) return body
    }
    return undefined
  }

  /** Ends the newest segment if it is due, and drops those whose newest block is past retention and not held. */
  async sweep(definition: StreamDefinition): Promise<void> {
    const now = this.#context.age.ageMs()
    if (this.#segments.writable && !this.#isUnsure && this.#isDue(definition)) {
      await this.#indexes.reserve(1)
      await this.#roll(definition)
    }
    const heldFrom = this.#context.heldFrom(definition.name)
    while (this.firsts.length > 1 && (this.firsts[1] ?? 0) <= heldFrom) {
      const oldest = this.firsts[0] ?? 0
      const newestAgeMs = await this.#segments.readOrRepair(oldest, (reader) =>
        reader.newestAgeMs(now)
      )
      if (newestAgeMs !== undefined && now - newestAgeMs <= definition.retentionMs) return
      await this.#segments.dropOldest()
    }
  }

  /** Whether all records below a sequence index are gone. */
  isGone(index: number): boolean {
    const [oldest] = this.firsts
    const isEmpty = this.firsts.length <= 1 && this.#memory.segment.blocks === 0
    return isEmpty || (oldest !== undefined && oldest >= index)
  }

  close(): Promise<void> {
    return this.#segments.close()
  }

  #isDue(definition: StreamDefinition): boolean {
    const { segmentBytes, segmentAgeMs, age } = this.#context
    const { blocks, bytes, firstAgeMs } = this.#memory.segment
    if (blocks === 0) return false
    return bytes >= segmentBytes || age.ageMs() - firstAgeMs >= segmentAgeMs(definition.retentionMs)
  }

  async #roll(definition: StreamDefinition): Promise<void> {
    await this.#segments.roll(this.#indexes.next, this.#memory.snapshot(definition))
    this.#memory.rolled()
  }

  async #restore(): Promise<void> {
    const { maxMarks, log } = this.#context
    this.#memory = await StreamMemory.restore(this.#segments, maxMarks, log)
  }
}

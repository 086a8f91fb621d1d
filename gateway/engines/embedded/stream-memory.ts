import { integerOf } from '../../../shared/wire/fields.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import type { Log } from '../../../shared/log.ts'
import { isIntact } from './block.ts'
import type { PlannedBlock } from './commit-plan.ts'
import { MarkTable } from './mark-table.ts'
import type { SegmentRow } from './segment-row.ts'
import type { SnapshotEntry } from './segment-writer.ts'
import type { ShardTip } from './segment-reader.ts'
import { encodeDefinition, type StreamDefinition } from './stream-definition.ts'

/** Names of the entries of a segment's snapshot. `clock` is written last and proves the rest. */
export const snapshotNames = {
  definition: 'definition',
  clock: 'clock',
  marks: (part: number) => `marks/${part}`
} as const

/** What is kept in memory of a stream's records, and can be had again from its segments. */
export class StreamMemory {
  readonly marks: MarkTable
  /** By shard, of shards that got records since the newest segment was begun. */
  readonly tips = new Map<number, ShardTip>()
  /** Behind the highest sequence index that is durable. */
  end = 0
  /** Of the newest record; those to come are never stamped earlier. */
  arrivalMs = 0
  /** Age of the engine at the newest record. */
  ageMs = 0
  /** Of the newest segment: what decides when the next one is begun. */
  segment = { blocks: 0, bytes: 0, firstAgeMs: 0 }

  constructor(maxMarks: number) {
    this.marks = new MarkTable(maxMarks)
  }

  /** Takes note of what has become durable. */
  add(blocks: readonly PlannedBlock[]): void {
    for (const { block, marks } of blocks) {
      const { first, shard, count, arrivalMs, ageMs } = block
      for (const [source, seq] of marks) this.marks.raise(source, shard, seq)
      this.tips.set(shard, { shard, end: first + count, arrivalMs })
      if (this.segment.blocks === 0) this.segment.firstAgeMs = ageMs
      this.segment.blocks += 1
      this.segment.bytes += block.data.length + block.index.length
      this.end = Math.max(this.end, first + count)
      this.arrivalMs = Math.max(this.arrivalMs, arrivalMs)
      this.ageMs = Math.max(this.ageMs, ageMs)
    }
  }

  /** A new segment is begun. Tips of shards that are silent are forgotten with the old one. */
  rolled(): void {
    this.tips.clear()
    this.segment = { blocks: 0, bytes: 0, firstAgeMs: 0 }
  }

  /** What a new segment begins with, so that it can be understood without those before it. */
  *snapshot(definition: StreamDefinition): Generator<SnapshotEntry> {
    yield [snapshotNames.definition, encodeDefinition(definition)]
    let parts = 0
    for (const part of this.marks.snapshot()) {
      yield [snapshotNames.marks(parts), part]
      parts += 1
    }
    yield [snapshotNames.clock, encodeCbor([parts, this.end, this.arrivalMs, this.ageMs])]
  }

  /** Reads it all back from the segments of a stream that was just opened. */
  static async restore(segments: SegmentRow, maxMarks: number, log: Log): Promise<StreamMemory> {
    const memory = new StreamMemory(maxMarks)
    const firsts = segments.firsts
    // From the newest segment whose snapshot is whole; normally that is the newest of all.
    let from = firsts.length
    while (from > 0 && !(await memory.#loadSnapshot(segments, firsts[from - 1] ?? 0))) from -= 1
    let damaged = 0
    for (const first of firsts.slice(Math.max(from - 1, 0))) {
      damaged += await memory.#replay(segments, first)
    }
    if (damaged > 0) log.warn({ damaged }, 'marks of some blocks are unreadable; repeats may pass')
    return memory
  }

  async #loadSnapshot(segments: SegmentRow, first: number): Promise<boolean> {
    const whole = await segments.readOrRepair(first, async (reader) => {
      const clock = await reader.snapshot(snapshotNames.clock)
      if (!clock) return false
      const [parts = 0, end = 0, arrivalMs = 0, ageMs = 0] = decodeNumbers(clock)
      const bodies: Buffer[] = []
      for (let part = 0; part < parts; part++) {
        const body = await reader.snapshot(snapshotNames.marks(part))
        if (!body) return false
        bodies.push(body)
      }
      for (const body of bodies) this.marks.load(body)
      this.end = end
      this.arrivalMs = arrivalMs
      this.ageMs = ageMs
      return true
    })
    return whole ?? false
  }

  /** Resolves with the number of blocks whose marks are damaged. */
  async #replay(segments: SegmentRow, first: number): Promise<number> {
    const found = await segments.readOrRepair(first, async (reader) => {
      let damaged = 0
      for await (const { shard, marks } of reader.marks()) {
        if (!marks) damaged += 1
        for (const mark of marks ?? []) this.marks.raise(mark.source, shard, mark.seq)
      }
      const { blocks, bytes, firstAgeMs, end } = await reader.totals()
      this.rolled()
      this.segment = { blocks, bytes, firstAgeMs }
      for (const tip of await reader.tips()) this.tips.set(tip.shard, tip)
      // The clocks are raised only by what is proven: a flipped bit must not age the whole stream.
      const newest = (await reader.newest(8)).find(isIntact)
      this.end = Math.max(this.end, end)
      this.arrivalMs = Math.max(this.arrivalMs, newest?.arrivalMs ?? 0)
      this.ageMs = Math.max(this.ageMs, newest?.ageMs ?? 0)
      return damaged
    })
    return found ?? 0
  }
}

function decodeNumbers(bytes: Buffer): number[] {
  const value = decodeCbor(bytes, 'snapshot')
  return Array.isArray(value) ? value.map((one) => integerOf(one) ?? 0) : []
}

import { isOnce } from '../../../shared/kpl/kpl.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields, integerOf } from '../../../shared/wire/fields.ts'

/** Sources to one part of a snapshot. */
const partSources = 5_000

/**
 * The highest sequence number of each source in each shard. Bounded by rows: past the bound the
 * sources that were not heard of for longest go, each with all its shards, for half of what is
 * known of a source is worse than nothing. Sources of one batch have half as many rows besides, so
 * that no number of them pushes out a device that was cut off.
 */
export class MarkTable {
  readonly #lasting: BoundedMarks
  readonly #once: BoundedMarks

  /** `maxRows`: of the sources that go on. */
  constructor(maxRows: number) {
    this.#lasting = new BoundedMarks(maxRows)
    this.#once = new BoundedMarks(maxRows / 2)
  }

  get rows(): number {
    return this.#lasting.rows + this.#once.rows
  }

  /** Sources that went because of a bound. */
  get evicted(): number {
    return this.#lasting.evicted + this.#once.evicted
  }

  raise(source: string, shard: number, seq: number): void {
    this.#holding(source).raise(source, shard, seq)
  }

  /** Shard, seq, shard, seq, … */
  of(source: string): readonly number[] {
    return this.#holding(source).sources.get(source) ?? []
  }

  /** The whole table in parts of bounded size, oldest first. Nothing may be raised meanwhile. */
  *snapshot(): Generator<Buffer> {
    let part: (string | readonly number[])[] = []
    for (const { sources } of [this.#once, this.#lasting]) {
      for (const [source, marks] of sources) {
        part.push(source, marks)
        if (part.length < partSources * 2) continue
        yield encodeCbor(part)
        part = []
      }
    }
    if (part.length > 0) yield encodeCbor(part)
  }

  load(part: Buffer): void {
    const fields = new Fields({ marks: decodeCbor(part, 'marks') }, 'snapshot')
    const flat = fields.array('marks')
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const marks = flat[i + 1]
      if (!Array.isArray(marks)) continue
      for (let j = 0; j + 1 < marks.length; j += 2) {
        this.raise(String(flat[i]), Number(marks[j]), integerOf(marks[j + 1]) ?? 0)
      }
    }
  }

  #holding(source: string): BoundedMarks {
    return isOnce(source) ? this.#once : this.#lasting
  }
}

/** Marks of one kind of sources. */
class BoundedMarks {
  /** By source, the longest unchanged first: shard, seq, shard, seq, … */
  readonly sources = new Map<string, number[]>()
  rows = 0
  evicted = 0
  readonly #maxRows: number

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  raise(source: string, shard: number, seq: number): void {
    const marks = this.sources.get(source) ?? []
    this.sources.delete(source)
    this.sources.set(source, marks)
    for (let i = 0; i < marks.length; i += 2) {
      if (marks[i] !== shard) continue
      marks[i + 1] = Math.max(seq, marks[i + 1] as number)
      return
    }
    marks.push(shard, seq)
    this.rows += 1
    this.#evict()
  }

  #evict(): void {
    if (this.rows <= this.#maxRows) return
    for (const [source, marks] of this.sources) {
      this.sources.delete(source)
      this.rows -= marks.length / 2
      this.evicted += 1
      if (this.rows <= this.#maxRows * 0.8) return
    }
  }
}

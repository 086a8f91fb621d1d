import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields, integerOf } from '../../../shared/wire/fields.ts'

/** Sources to one part of a snapshot. */
const partSources = 5_000

/**
 * The highest sequence number of each source in each shard. Bounded by rows: past the bound the
 * sources that were not heard of for longest go, each with all its shards, for half of what is
 * known of a source is worse than nothing.
 */
export class MarkTable {
  readonly #maxRows: number
  /** By source, the longest unchanged first: shard, seq, shard, seq, … */
  readonly #sources = new Map<string, number[]>()
  #rows = 0
  /** Sources that went because of the bound. */
  evicted = 0

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  get rows(): number {
    return this.#rows
  }

  raise(source: string, shard: number, seq: number): void {
    const marks = this.#sources.get(source) ?? []
    this.#sources.delete(source)
    this.#sources.set(source, marks)
    for (let i = 0; i < marks.length; i += 2) {
      if (marks[i] !== shard) continue
      marks[i + 1] = Math.max(seq, marks[i + 1] as number)
      return
    }
    marks.push(shard, seq)
    this.#rows += 1
    this.#evict()
  }

  /** Shard, seq, shard, seq, … */
  of(source: string): readonly number[] {
    return this.#sources.get(source) ?? []
  }

  /** The whole table in parts of bounded size, oldest first. Nothing may be raised meanwhile. */
  *snapshot(): Generator<Buffer> {
    let part: (string | number[])[] = []
    for (const [source, marks] of this.#sources) {
      part.push(source, marks)
      if (part.length < partSources * 2) continue
      yield encodeCbor(part)
      part = []
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

  #evict(): void {
    if (this.#rows <= this.#maxRows) return
    for (const [source, marks] of this.#sources) {
      this.#sources.delete(source)
      this.#rows -= marks.length / 2
      this.evicted += 1
      if (this.#rows <= this.#maxRows * 0.8) return
    }
  }
}

/** Inclusive. */
export type SeqRange = readonly [from: number, to: number]

/** A set of sequence numbers as ranges: short as long as they are added nearly in order. */
export class SeqRanges {
  #ranges: [number, number][] = []

  constructor(ranges: readonly SeqRange[] = []) {
    for (const range of ranges) this.add(...range)
  }

  /** Adds a range; says how many of its numbers are new. */
  add(from: number, to: number): number {
    if (to < from) return 0
    const before = this.#ranges.filter(([, end]) => end < from - 1)
    const after = this.#ranges.filter(([start]) => start > to + 1)
    const touching = this.#ranges.slice(before.length, this.#ranges.length - after.length)
    let known = 0
    for (const [start, end] of touching) {
      known += Math.max(0, Math.min(end, to) - Math.max(start, from) + 1)
    }
    const start = Math.min(from, touching[0]?.[0] ?? from)
    const end = Math.max(to, touching.at(-1)?.[1] ?? to)
    this.#ranges = [...before, [start, end], ...after]
    return to - from + 1 - known
  }

  /** The lowest number from `seq` on that is not in the set. */
  nextOutside(seq: number): number {
    const around = this.#ranges.find(([from, to]) => from <= seq && seq <= to)
    return around ? around[1] + 1 : seq
  }

  /** The lowest number from `seq` on that is in the set. */
  nextInside(seq: number): number {
    const at = this.#ranges.find(([, to]) => to >= seq)
    return at ? Math.max(at[0], seq) : Number.POSITIVE_INFINITY
  }

  /** The numbers from `from` to `to` that are not in the set. */
  outside(from: number, to: number): SeqRange[] {
    const outside: SeqRange[] = []
    for (let at = this.nextOutside(from); at <= to; ) {
      const end = Math.min(to, this.nextInside(at) - 1)
      outside.push([at, end])
      at = this.nextOutside(end + 1)
    }
    return outside
  }

  ranges(): readonly SeqRange[] {
    return this.#ranges.map(([from, to]) => [from, to] as const)
  }
}

/** Upper bounds in seconds: from a fast commit on NVMe to a card that hangs. */
const defaultBounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
]

/** Counts of observed durations by bucket; plain numbers, so that observing costs nothing. */
export class Histogram {
  readonly bounds: readonly number[]
  /** One more than `bounds`: the last counts what is above all. Not cumulative. */
  readonly counts: number[]
  sum = 0
  count = 0

  constructor(bounds: readonly number[] = defaultBounds) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(seconds: number): void {
    const at = this.bounds.findIndex((bound) => seconds <= bound)
    const bucket = at === -1 ? this.bounds.length : at
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
    this.count += 1
  }

  /** Upper bound of the bucket that holds this quantile, seconds; 0 when nothing was observed. */
  quantile(fraction: number): number {
    let left = this.count * fraction
    for (let i = 0; i < this.counts.length; i++) {
      left -= this.counts[i] as number
      if (left <= 0) return this.count === 0 ? 0 : (this.bounds[i] ?? Number.POSITIVE_INFINITY)
    }
    return 0
  }
}

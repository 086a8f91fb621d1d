import { rangeSize } from './catalog.ts'

/** The sequence indexes of one stream, handed out from ranges that the catalog gives. */
export class SequenceIndexes {
  readonly #takeRange: () => Promise<number>
  #next = 0
  #end = 0

  constructor(takeRange: () => Promise<number>) {
    this.#takeRange = takeRange
  }

  /** What the next record gets. */
  get next(): number {
    return this.#next
  }

  /** Makes sure that `count` indexes from `next` on are this stream's; skips some where they are not. */
  async reserve(count: number): Promise<void> {
    if (this.#next + count <= this.#end) return
    this.#next = await this.#takeRange()
    this.#end = this.#next + rangeSize
  }

  /** Indexes below `next` are used, or will never be. */
  advance(next: number): void {
    this.#next = next
  }
}

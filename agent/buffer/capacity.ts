import type { OverflowPolicy } from './buffer.ts'

export interface CapacityOptions {
  /** Most that all segments take on disk, logs and their indexes included, cursors that the newest began with not. */
  readonly capBytes: number
  /** Free space of the disk that is left to others. */
  readonly freeDiskFloorBytes: number
  readonly freeBytes: () => Promise<number>
}

/** What stands in the way of a commit: the cap of the buffer, or the floor of the disk. */
export type Shortage = 'cap' | 'disk'

/** How full the buffer may be for streams that wait to go on again, as a part of the cap. */
const resumePart = 0.8

/** Most that streams that wait may take of the cap, so that the others always have some room. */
const blockPart = 0.75

/** Room for commits, over both rows of segments. */
export class Capacity {
  readonly #options: CapacityOptions
  readonly #used = new Map<OverflowPolicy, () => number>()
  /** What each row was last given room for: its commit may be under way. */
  readonly #granted = new Map<OverflowPolicy, number>()
  #waiting = false

  constructor(options: CapacityOptions) {
    this.#options = options
  }

  /** `used`: bytes on disk of one row that dropping can win. */
  include(policy: OverflowPolicy, used: () => number): void {
    this.#used.set(policy, used)
  }

  /**
   * Why a row cannot write `bytes` more now. A row that blocks and was refused is let in again when
   * the buffer is below 80 % of what it may take.
   */
  async shortOf(policy: OverflowPolicy, bytes: number): Promise<Shortage | undefined> {
    const { freeDiskFloorBytes, freeBytes } = this.#options
    if (this.#overCap(policy, bytes)) return 'cap'
    if ((await freeBytes()) < freeDiskFloorBytes + bytes) return 'disk'
    this.#granted.set(policy, bytes)
    return undefined
  }

  #overCap(policy: OverflowPolicy, bytes: number): boolean {
    const { capBytes } = this.#options
    const others = [...this.#granted].filter(([other]) => other !== policy)
    const used = [...this.#used.values()].reduce((sum, one) => sum + one(), 0)
    const all = others.reduce((sum, [, granted]) => sum + granted, used)
    if (policy === 'drop-oldest') return all + bytes > capBytes
    const own = this.#used.get('block')?.() ?? 0
    const part = this.#waiting ? resumePart : 1
    // A commit that is larger than the part goes into an empty buffer.
    const limit = Math.max(part * capBytes, this.#waiting ? bytes : 0)
    this.#waiting = all + bytes > limit || own + bytes > Math.max(blockPart * limit, bytes)
    return this.#waiting
  }
}

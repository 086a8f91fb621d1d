export interface CapacityOptions {
  /** Most that all segments take on disk, logs included. */
  readonly capBytes: number
  /** Free space of the disk that is left to others. */
  readonly freeDiskFloorBytes: number
  readonly freeBytes: () => Promise<number>
}

/** What stands in the way of a commit: the cap of the buffer, or the floor of the disk. */
export type Shortage = 'cap' | 'disk'

/** How full the buffer may be for streams that wait to go on again, as a part of the cap. */
const resumePart = 0.8

/** Room for commits, over both rows of segments. */
export class Capacity {
  readonly #options: CapacityOptions
  readonly #used: (() => number)[] = []

  constructor(options: CapacityOptions) {
    this.#options = options
  }

  /** `used`: bytes on disk of one row. */
  include(used: () => number): void {
    this.#used.push(used)
  }

  /** Why `bytes` more cannot be written now; `resuming` asks for more room than that. */
  async shortOf(bytes: number, { resuming = false } = {}): Promise<Shortage | undefined> {
    const { capBytes, freeDiskFloorBytes, freeBytes } = this.#options
    const used = this.#used.reduce((sum, one) => sum + one(), 0)
    // A commit that is larger than the part has to go into an empty buffer.
    const limit = resuming ? Math.max(resumePart * capBytes, bytes) : capBytes
    if (used + bytes > limit) return 'cap'
    return (await freeBytes()) < freeDiskFloorBytes + bytes ? 'disk' : undefined
  }
}

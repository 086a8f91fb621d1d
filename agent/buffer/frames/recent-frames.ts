import type { FrameRow } from './frame-row.ts'

/** The frames last written or read, so that the sender seldom goes back to the disk. */
export class RecentFrames {
  readonly #maxBytes: number
  readonly #frames = new Map<string, FrameRow>()
  #bytes = 0

  /** Over `maxBytes` of bodies the longest kept gives way. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `run`: key of the frame's run. */
  put(run: number, frame: FrameRow): void {
    this.delete(run, frame.first)
    this.#frames.set(`${run}.${frame.first}`, frame)
    this.#bytes += frame.body.length
    for (const [key, oldest] of this.#frames) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(key, oldest)
    }
  }

  /** The frame of this run that begins with record `first`. */
  get(run: number, first: number): FrameRow | undefined {
    return this.#frames.get(`${run}.${first}`)
  }

  delete(run: number, first: number): void {
    const key = `${run}.${first}`
    const frame = this.#frames.get(key)
    if (frame) this.#drop(key, frame)
  }

  #drop(key: string, frame: FrameRow): void {
    this.#frames.delete(key)
    this.#bytes -= frame.body.length
  }
}

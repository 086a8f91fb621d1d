import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { FrameId, FrameStore, Parked, StoredFrame } from '../../agent/buffer/buffer.ts'

/** The sender's side of the buffer in memory, with a log of what the sender did. */
export class MemoryFrameStore implements FrameStore {
  readonly released: { id: FrameId; parked: readonly Parked[] | undefined }[] = []
  /** Errors of the next calls, one each. */
  readonly failures: { read: Error[]; release: Error[] } = { read: [], release: [] }
  /** While set, a release takes effect only when this is resolved. */
  releaseGate: Promise<void> | undefined
  reads = 0
  readonly #frames: { readonly order: number; readonly frame: StoredFrame }[] = []
  readonly #orders = new Map<FrameId, number>()
  readonly #listeners = new Set<() => void>()

  add(...frames: StoredFrame[]): void {
    for (const frame of frames) {
      const order = this.#orders.size
      this.#orders.set(frame.id, order)
      this.#frames.push({ order, frame })
    }
    for (const listener of this.#listeners) listener()
  }

  /** As when the overflow policy drops it. */
  drop(id: FrameId): void {
    const index = this.#frames.findIndex(({ frame }) => frame.id === id)
    if (index !== -1) this.#frames.splice(index, 1)
  }

  streams(): readonly string[] {
    return [...new Set(this.#frames.map(({ frame }) => frame.header.stream))]
  }

  async read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    this.reads += 1
    const failure = this.failures.read.shift()
    if (failure) throw failure
    const from = after === undefined ? -1 : (this.#orders.get(after) ?? -1)
    const found: StoredFrame[] = []
    let bytes = 0
    for (const { order, frame } of this.#frames) {
      if (order <= from || frame.header.stream !== stream) continue
      if (found.length > 0 && bytes + frame.body.length > maxBytes) break
      bytes += frame.body.length
      found.push(frame)
    }
    return found
  }

  floor(stream: string, epoch: string): number {
    const held = this.#frames.filter(
      ({ frame }) => frame.header.stream === stream && frame.header.epoch === epoch
    )
    return held.length === 0 ? 0 : Math.min(...held.map(({ frame }) => frame.header.first))
  }

  currentHeader({ header }: StoredFrame): BatchHeader {
    return { ...header, floor: Math.min(this.floor(header.stream, header.epoch), header.first) }
  }

  async release(id: FrameId, parked?: readonly Parked[]): Promise<void> {
    const failure = this.failures.release.shift()
    if (failure) throw failure
    if (this.releaseGate) await this.releaseGate
    this.released.push({ id, parked })
    this.drop(id)
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      if (signal.aborted) return resolve()
      this.#listeners.add(done)
      signal.addEventListener('abort', done)
    })
  }
}

import type { FrameId, FrameStore, StoredFrame } from '../../agent/buffer/buffer.ts'
import type { RecordColumns } from '../../shared/record.ts'
import { type BatchHeader, frameCrc } from '../../shared/wire/batch.ts'
import { encodeFrame } from '../../shared/wire/frame.ts'

export interface Identity {
  readonly device: string
  readonly epoch: string
  readonly stream: string
}

/**
 * The buffer of a simulated vehicle: frames of one stream in memory, oldest first. It lives as long
 * as the simulation; what it holds at the end was never acknowledged.
 */
export class MemoryFrames implements FrameStore {
  readonly #identity: Identity
  readonly #listeners = new Set<() => void>()
  #frames: StoredFrame[] = []
  #last = 0

  constructor(identity: Identity) {
    this.#identity = identity
  }

  get empty(): boolean {
    return this.#frames.length === 0
  }

  add(records: RecordColumns): void {
    const count = records.lens.length
    const body = encodeFrame(records)
    const first = this.#last + 1
    const header: BatchHeader = {
      ...this.#identity,
      ...{ first, count, prev: this.#last, floor: 0, lane: 0, clock: 'ntp', offset: 0 }
    }
    this.#frames.push({ id: String(first), header, enc: 'id', body, crc: frameCrc(body) })
    this.#last += count
    for (const listener of this.#listeners) listener()
  }

  streams(): readonly string[] {
    return this.empty ? [] : [this.#identity.stream]
  }

  async read(
    _stream: string,
    after: FrameId | undefined,
    maxBytes: number
  ): Promise<StoredFrame[]> {
    const from = Number(after ?? 0)
    const found: StoredFrame[] = []
    let bytes = 0
    for (const frame of this.#frames) {
      if (frame.header.first <= from) continue
      if (found.length > 0 && bytes + frame.body.length > maxBytes) break
      bytes += frame.body.length
      found.push(frame)
    }
    return found
  }

  floor(): number {
    return this.#frames[0]?.header.first ?? 0
  }

  currentHeader({ header }: StoredFrame): BatchHeader {
    return { ...header, floor: this.floor() }
  }

  async release(id: FrameId): Promise<void> {
    this.#frames = this.#frames.filter((frame) => frame.id !== id)
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

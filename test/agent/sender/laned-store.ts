import type {
  FrameId,
  FrameStore,
  LaneStore,
  NewestFrame,
  SeqPlace,
  SeqRange,
  StoredFrame
} from '../../../agent/buffer/buffer.ts'
import type { BatchHeader } from '../../../shared/wire/batch.ts'
import type { Clock } from '../../../shared/clock.ts'
import { frameOf } from '../../support/stored-frames.ts'

const stream = 'positions'

interface Held {
  readonly frame: StoredFrame
  readonly closedAtMs: number
}

/**
 * One stream of a buffer in memory that can crash: releases are on disk only after `saveProgress`,
 * and what is newest is known only of this life.
 */
export class LanedStore implements FrameStore, LaneStore {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  /** Outcomes of the next saves; `doubt`: done, and rejected all the same. */
  saves: ('ok' | 'fails' | 'doubt')[] = []
  saveCount = 0
  /** In the order in which they were appended. */
  #frames: Held[] = []
  /** Released, and not yet so on disk. */
  #undone: Held[] = []
  #live = new Map<string, readonly SeqRange[]>()
  #older = new Set<string>()
  #final = new Map<string, number>()
  #newest: NewestFrame | undefined
  #epoch = 0
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get epoch(): string {
    return this.#epoch.toString(16).padStart(32, '0')
  }

  get live(): LaneStore['live'] {
    return (_, epoch) => {
      const unknown: readonly SeqRange[] = [[1, Number.MAX_SAFE_INTEGER]]
      return this.#live.get(epoch) ?? (this.#older.has(epoch) ? unknown : undefined)
    }
  }

  append(...counts: readonly number[]): void {
    for (const count of counts) {
      const first = this.#last + 1
      const { epoch } = this
      const texts = Array.from({ length: count }, (_, i) => `${first + i}`)
      const frame = frameOf(texts, { stream, epoch, first })
      this.#frames.push({ frame, closedAtMs: this.#clock.monoMs() })
      this.#last += count
      this.#newest = { epoch, first, last: this.#last }
    }
    for (const listener of this.#listeners) listener()
  }

  /** The next append is of a new epoch. */
  renew(): void {
    this.#epoch += 1
    this.#last = 0
  }

  /** As when the overflow policy takes it. */
  dropOldest(): StoredFrame | undefined {
    return this.#frames.shift()?.frame
  }

  saveProgress(): void {
    this.#undone = []
    this.#final = new Map(
      [...this.#live.keys()].map((epoch) => {
        const end = this.#newest?.epoch === epoch ? this.#last + 1 : Number.MAX_SAFE_INTEGER
        return [epoch, this.nextHeld(stream, { epoch, seq: 1 }) || end] as const
      })
    )
  }

  crash(): void {
    const number = ({ frame }: Held) => this.#order(frame.header)
    this.#frames = [...this.#frames, ...this.#undone].toSorted((a, b) => number(a) - number(b))
    this.#undone = []
    this.#older = new Set(this.#frames.map(({ frame }) => frame.header.epoch))
    this.#live = new Map([...this.#live].filter(([epoch]) => this.#older.has(epoch)))
    this.#final = new Map()
    this.#newest = undefined
    this.renew()
  }

  streams(): readonly string[] {
    return this.#frames.length > 0 ? [stream] : []
  }

  async read(_: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    const [epoch = '', first = '0'] = after?.split('/').slice(1) ?? []
    const from = after === undefined ? -1 : this.#order({ epoch, first: Number(first) })
    return this.#upTo(maxBytes, ({ header }) => this.#order(header) > from)
  }

  floor(_: string, epoch: string): number {
    return this.nextHeld(stream, { epoch, seq: 1 })
  }

  currentHeader({ header }: StoredFrame): BatchHeader {
    return { ...header, floor: Math.min(this.floor(stream, header.epoch), header.first) }
  }

  async release(id: FrameId): Promise<void> {
    this.#undone.push(...this.#frames.filter(({ frame }) => frame.id === id))
    this.#frames = this.#frames.filter(({ frame }) => frame.id !== id)
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

  epochs(): readonly string[] {
    return [...new Set(this.#frames.map(({ frame }) => frame.header.epoch))]
  }

  async readFrom(_: string, { epoch, seq }: SeqPlace, maxBytes: number): Promise<StoredFrame[]> {
    const isWanted = ({ header }: StoredFrame) => header.epoch === epoch && header.first >= seq
    return this.#upTo(maxBytes, isWanted)
  }

  nextHeld(_: string, { epoch, seq }: SeqPlace): number {
    for (const { frame } of this.#frames) {
      const { first, count, epoch: its } = frame.header
      if (its === epoch && first + count > seq) return Math.max(first, seq)
    }
    return 0
  }

  newest(): NewestFrame | undefined {
    return this.#newest
  }

  ageMs({ id }: StoredFrame): number {
    const held = this.#frames.find(({ frame }) => frame.id === id)
    return held ? this.#clock.monoMs() - held.closedAtMs : 0
  }

  async saveLive(_: string, live: ReadonlyMap<string, readonly SeqRange[]>): Promise<void> {
    this.saveCount += 1
    const outcome = this.saves.shift() ?? 'ok'
    if (outcome !== 'fails') for (const [epoch, ranges] of live) this.#live.set(epoch, ranges)
    if (outcome !== 'ok') throw new Error(`the save ${outcome}`)
  }

  final(_: string, epoch: string): number {
    return this.#final.get(epoch) ?? 0
  }

  #order({ epoch, first }: { readonly epoch: string; readonly first: number }): number {
    return Number.parseInt(epoch, 16) * 1e6 + first
  }

  #upTo(maxBytes: number, isWanted: (frame: StoredFrame) => boolean): StoredFrame[] {
    const found: StoredFrame[] = []
    let bytes = 0
    for (const { frame } of this.#frames) {
      if (!isWanted(frame)) continue
      if (found.length > 0 && bytes + frame.body.length > maxBytes) break
      bytes += frame.body.length
      found.push(frame)
    }
    return found
  }
}

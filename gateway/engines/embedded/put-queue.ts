import { HeadwaterError } from '../../../shared/errors.ts'
import type { PutOutcome } from '../engine.ts'
import type { PutPart } from './shard-run.ts'

/** What need not wait for the disk can be made of it meanwhile. */
export type Expect = (outcomes: readonly PutOutcome[]) => void

export interface PendingPut {
  readonly parts: readonly PutPart[]
  /** Of all parts. */
  readonly records: number
  readonly bytes: number
  /** Called while they are being written with what becomes of them if that succeeds; never throws. */
  readonly expect?: Expect | undefined
  readonly resolve: (outcomes: PutOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/** Bounds of one put, of what waits for a commit, and of what goes into one. */
export const putLimits = {
  put: { bytes: 32 * 1024 * 1024, records: 10_000 },
  waiting: { bytes: 64 * 1024 * 1024, records: 200_000 },
  commit: { bytes: 16 * 1024 * 1024, records: 50_000 }
} as const

/** Puts that wait for the next commit. What does not fit is told to come again. */
export class PutQueue {
  #puts: PendingPut[] = []
  #bytes = 0
  #records = 0
  /** Puts that did not fit. */
  refused = 0

  get isEmpty(): boolean {
    return this.#puts.length === 0
  }

  /** Whether it fitted; an empty queue takes any put. */
  add(put: PendingPut): boolean {
    const { bytes, records } = putLimits.waiting
    const isOver = this.#bytes + put.bytes > bytes || this.#records + put.records > records
    if (isOver && !this.isEmpty) {
      this.refused += 1
      return false
    }
    this.#puts.push(put)
    this.#bytes += put.bytes
    this.#records += put.records
    return true
  }

  /** What goes into the next commit: at least one put, each as a whole. */
  take(): PendingPut[] {
    let bytes = 0
    let records = 0
    let count = 0
    for (const put of this.#puts) {
      bytes += put.bytes
      records += put.records
      if (count > 0 && (bytes > putLimits.commit.bytes || records > putLimits.commit.records)) break
      count += 1
    }
    const taken = this.#puts.splice(0, count)
    for (const put of taken) {
      this.#bytes -= put.bytes
      this.#records -= put.records
    }
    return taken
  }
}

/** Throws `too_large` past the bounds of one put. */
export function requireWithinLimits(records: number, bytes: number): void {
  const { put } = putLimits
  if (records <= put.records && bytes <= put.bytes) return
  throw new HeadwaterError(
    'too_large',
    `a put takes at most ${put.records} records and ${put.bytes} bytes`
  )
}

/** Nothing of these puts was stored. */
export function refuse(puts: readonly PendingPut[], error: HeadwaterError): void {
  for (const put of puts) {
    put.resolve(
      put.parts.map(() => ({ status: 'failed', message: error.message, retryable: true }))
    )
  }
}

import type { ShardPosition, StreamRecord } from '../engine.ts'

/** How a read from some position goes on: what was fetched and not given yet, then the iterator. */
export interface Continuation {
  readonly records: readonly StreamRecord[]
  /** Absent when the shard is closed and all of it has been fetched. */
  readonly iterator?: string
  readonly behindMs: number
  readonly fetchedAtMs: number
}

export interface ReadAheadLimits {
  readonly count: number
  readonly bytes: number
  /** Iterators are of no use when they are older. */
  readonly maxAgeMs: number
}

/**
 * Continuations by position, each used once. Over the limits the oldest goes, and a read from there
 * asks the service for a new iterator: nothing is lost by it but time.
 */
export class ReadAhead {
  readonly #limits: ReadAheadLimits
  readonly #kept = new Map<string, Continuation>()
  #bytes = 0

  constructor(limits: ReadAheadLimits) {
    this.#limits = limits
  }

  take(shard: string, position: ShardPosition, nowMs: number): Continuation | undefined {
    const found = this.#remove(keyOf(shard, position))
    const isOld = found && nowMs - found.fetchedAtMs > this.#limits.maxAgeMs
    return isOld && found.records.length === 0 ? undefined : found
  }

  keep(shard: string, position: ShardPosition, continuation: Continuation): void {
    const key = keyOf(shard, position)
    this.#remove(key)
    this.#kept.set(key, continuation)
    this.#bytes += bytesOf(continuation)
    while (this.#kept.size > this.#limits.count || this.#bytes > this.#limits.bytes) {
      const [oldest] = this.#kept.keys()
      if (oldest === undefined) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): Continuation | undefined {
    const found = this.#kept.get(key)
    if (!found) return undefined
    this.#kept.delete(key)
    this.#bytes -= bytesOf(found)
    return found
  }
}

function keyOf(shard: string, position: ShardPosition): string {
  switch (position.at) {
    case 'start':
    case 'end':
      return `${shard} ${position.at}`
    case 'time':
      return `${shard} time ${position.timeMs}`
    default:
      return `${shard} ${position.at} ${position.sequence}`
  }
}

function bytesOf({ records }: Continuation): number {
  return records.reduce((sum, { data }) => sum + data.length, 0)
}

import type { Appender, Chunk } from '../../agent/buffer/buffer.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { type Attributes, keyOf, offsetsOf } from '../../shared/record.ts'

/** One record as it was committed. */
export interface CommittedRecord {
  readonly stream: string
  readonly partitionKey: string
  readonly text: string
  readonly time: number
  readonly attributes?: Attributes
}

interface Waiting {
  readonly records: readonly CommittedRecord[]
  readonly chunk: Chunk
  readonly settle: (error?: Error) => void
}

/**
 * An appender whose commits are taken by hand or by themselves. Records and cursors become durable
 * together; a crash or a failure takes all that was not.
 */
export class MemoryAppender implements Appender {
  readonly records: CommittedRecord[] = []
  /** As they were given, urgent ones and those without records too. */
  readonly chunks: Chunk[] = []
  /** Off: chunks wait for `commit`. */
  automatic = true
  readonly #cursors = new Map<string, Buffer>()
  #waiting: Waiting[] = []
  #failures: Error[] = []

  append(chunk: Chunk, signal?: AbortSignal): Promise<void> {
    const records = copyRecords(chunk)
    this.chunks.push(chunk)
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        waiting.settle(new HeadwaterError('store_full', 'the wait was aborted'))
      }
      const waiting: Waiting = {
        records,
        chunk,
        settle: (error) => {
          signal?.removeEventListener('abort', stop)
          if (error) reject(error)
          else resolve()
        }
      }
      this.#waiting.push(waiting)
      if (signal?.aborted) return stop()
      signal?.addEventListener('abort', stop)
      if (this.automatic) setImmediate(() => this.commit())
    })
  }

  cursors(prefix: string): ReadonlyMap<string, Buffer> {
    const wanted = [...this.#cursors].filter(
      ([source]) => source === prefix || source.startsWith(`${prefix}:`)
    )
    return new Map(wanted)
  }

  get texts(): readonly string[] {
    return this.records.map((record) => record.text)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Everything that waits becomes durable, or fails when a failure was ordered. */
  commit(): void {
    const group = this.#waiting
    if (group.length === 0) return
    this.#waiting = []
    const failure = this.#failures.shift()
    for (const { records, chunk, settle } of group) {
      if (!failure) {
        this.records.push(...records)
        for (const { source, position } of chunk.cursors ?? []) {
          if (position.length === 0) this.#cursors.delete(source)
          else this.#cursors.set(source, Buffer.from(position))
        }
      }
      settle(failure)
    }
  }

  /** The next commit fails with this, and nothing of it is durable. */
  failNext(error: Error = new HeadwaterError('unavailable', 'the disk is away')): void {
    this.#failures.push(error)
  }

  /** What was not committed is gone. */
  crash(): void {
    const group = this.#waiting
    this.#waiting = []
    for (const { settle } of group) settle(new HeadwaterError('internal', 'the process died'))
  }
}

function copyRecords({ stream, records }: Chunk): CommittedRecord[] {
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) => {
    const attributes = records.attributes?.[i]
    return {
      stream,
      partitionKey: keyOf(records, i),
      text: records.data.toString('utf8', offsets[i], offsets[i + 1]),
      time: records.times[i] ?? Number.NaN,
      ...(attributes ? { attributes } : {})
    }
  })
}

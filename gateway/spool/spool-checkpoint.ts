import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { Fields } from '../../shared/wire/fields.ts'
import type { CheckpointStore } from '../engines/engine.ts'
import { decodeSequence } from '../engines/sequence-number.ts'
import { decodeCheckpoint } from '../reading/checkpoint.ts'
import type { Holds } from './holds.ts'

export interface SpoolCheckpointOptions {
  readonly stream: string
  /** Tells the stream from a later one of the same name. */
  readonly createdMs: number | undefined
  readonly local: CheckpointStore
  readonly holds: Holds
  readonly clock: Clock
  readonly log: Log
}

/** Whose position in the local stream the checkpoint is. */
const application = 'headwater.spool'

/** How often it is saved; what was carried on since is carried on again after a crash. */
const saveEveryMs = 1_000

/** How far one stream has been carried on. Retention may take what lies before the saved checkpoint. */
export class SpoolCheckpoint {
  readonly #options: SpoolCheckpointOptions
  /** Of the reader; undefined once it is saved. */
  #unsaved: string | undefined

  constructor(options: SpoolCheckpointOptions) {
    this.#options = options
  }

  /** Of the reader; undefined when there is none of this very stream. */
  async load(): Promise<string | undefined> {
    const { local, stream, createdMs, holds } = this.#options
    const text = await local.loadCheckpoint(application, stream)
    const saved = text === undefined ? undefined : new Fields(JSON.parse(text), 'spool checkpoint')
    if (!saved || saved.get('createdMs') !== createdMs) {
      holds.forget(stream)
      return undefined
    }
    const reader = saved.text('reader')
    this.#release(reader)
    return reader
  }

  /** All before this is durable at the remote engine. */
  advance(reader: string): void {
    this.#unsaved = reader
  }

  /** Saves now and then until `signal` aborts, and once more at the end. */
  async keepSaving(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(saveEveryMs, signal)
      await this.#save()
      if (signal.aborted) return
    }
  }

  async #save(): Promise<void> {
    const { local, stream, createdMs, log } = this.#options
    const reader = this.#unsaved
    if (reader === undefined) return
    try {
      const text = JSON.stringify({ createdMs, reader })
      await local.saveCheckpoint(application, stream, text)
      this.#release(reader)
      if (this.#unsaved === reader) this.#unsaved = undefined
    } catch (error) {
      log.warn({ stream, error }, 'the checkpoint of the spool was not saved')
    }
  }

  #release(reader: string): void {
    const left = decodeCheckpoint(reader).shards.filter((shard) => !shard.done)
    const from = left.map(({ next }) =>
      'sequence' in next ? (decodeSequence(next.sequence)?.index ?? 0) : 0
    )
    if (from.length > 0) this.#options.holds.hold(this.#options.stream, Math.min(...from))
  }
}

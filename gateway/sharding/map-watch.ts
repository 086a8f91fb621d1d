import { Backoff } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { StreamEngine } from '../engines/engine.ts'
import { ShardMap } from './shard-map.ts'

export interface MapWatchOptions {
  readonly engine: StreamEngine
  readonly stream: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  /** Called with every map that was read, whether it is new or not. */
  readonly onMap: (map: ShardMap) => void
  /** The stream does not exist any more. */
  readonly onGone: (error: HeadwaterError) => void
}

/** Reads the shard map of a stream when told that it may have changed. */
export class MapWatch {
  readonly #options: MapWatchOptions
  readonly #backoff: Backoff
  #state: 'idle' | 'reading' | 'stale' = 'idle'

  constructor(options: MapWatchOptions) {
    this.#options = options
    this.#backoff = new Backoff({ firstMs: 100, maxMs: 10_000, random: options.random })
  }

  /** Reads the map soon, until it works. During a read it asks for one more: that one may be old. */
  refresh(): void {
    if (this.#state === 'idle') void this.#run()
    else this.#state = 'stale'
  }

  async #run(): Promise<void> {
    const { signal } = this.#options
    do {
      this.#state = 'reading'
      await this.#read()
    } while (this.#isStale() && !signal.aborted)
    this.#state = 'idle'
  }

  #isStale(): boolean {
    return this.#state === 'stale'
  }

  async #read(): Promise<void> {
    const { engine, stream, clock, log, signal, onMap, onGone } = this.#options
    try {
      const map = new ShardMap(await engine.describe(stream))
      if (signal.aborted) return
      this.#backoff.reset()
      onMap(map)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof HeadwaterError && error.code === 'unknown_stream') {
        onGone(error)
        return
      }
      log.warn({ error, stream }, 'shard map cannot be read, trying again')
      await clock.sleep(this.#backoff.next(), signal)
      this.#state = 'stale'
    }
  }
}

import type { Component } from '../../shared/component.ts'
import type { ShardingStats } from '../sharding/sharding.ts'
import {
  type ForwarderOptions,
  StreamForwarder,
  type StreamForwarderStats
} from './stream-forwarder.ts'

export type { ForwarderOptions, StreamForwarderStats } from './stream-forwarder.ts'

export interface ForwarderStats {
  readonly streams: readonly StreamForwarderStats[]
  /** Of the lanes to the remote engine. */
  readonly sharding: ShardingStats
}

/** How often streams that were made meanwhile are looked for. */
const lookEveryMs = 1_000

const stopWithinMs = 1_000

/**
 * Carries what the fronts stored in the local engine on to the remote one. An answer to a sender
 * never waits for it: what cannot be carried on stays in the local engine, which forgets nothing
 * that was not.
 */
export class Forwarder implements Component {
  readonly name = 'spool'
  readonly #options: ForwarderOptions
  readonly #life = new AbortController()
  readonly #streams = new Map<string, { forwarder: StreamForwarder; running: Promise<void> }>()
  #looking: Promise<void> = Promise.resolve()

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  async start(signal: AbortSignal): Promise<void> {
    const { sharding, local } = this.#options
    await sharding.start(signal)
    local.onReshard((stream) => void this.#streams.get(stream)?.forwarder.changed())
    this.#looking = this.#look()
  }

  /**
   * All is on disk, so what the lanes have taken is waited for only a little; the rest is carried on
   * by the next life.
   */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#life.abort()
    const soon = new AbortController()
    void this.#options.clock.sleep(stopWithinMs, soon.signal).then(() => soon.abort())
    await this.#options.sharding.stop(AbortSignal.any([deadline, soon.signal]))
    soon.abort()
    await this.#looking
    await Promise.all(Array.from(this.#streams.values(), (one) => one.running))
  }

  stats(): ForwarderStats {
    return {
      streams: Array.from(this.#streams.values(), (one) => one.forwarder.stats()),
      sharding: this.#options.sharding.stats()
    }
  }

  async #look(): Promise<void> {
    const { local, clock } = this.#options
    const { signal } = this.#life
    while (!signal.aborted) {
      for (const stream of await local.streams()) {
        if (this.#streams.has(stream)) continue
        const forwarder = new StreamForwarder(stream, this.#options)
        const running = forwarder.run(signal).finally(() => this.#streams.delete(stream))
        this.#streams.set(stream, { forwarder, running })
      }
      await clock.sleep(lookEveryMs, signal)
    }
  }
}

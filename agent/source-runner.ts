import { Backoff } from '../shared/backoff.ts'
import type { Clock } from '../shared/clock.ts'
import type { Component } from '../shared/component.ts'
import { HeadwaterError } from '../shared/errors.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { Appender } from './buffer/buffer.ts'
import type { Source, SourceStats } from './sources/source.ts'

export interface SourceRunnerOptions {
  readonly source: Source
  readonly sink: Appender
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The source has nothing to read and never will. */
  readonly onNoInput: (error: HeadwaterError) => void
}

/** Runs one source for as long as the agent lives; after a failure again, from its cursors. */
export class SourceRunner implements Component {
  readonly #options: SourceRunnerOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #restarts = 0

  constructor(options: SourceRunnerOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.source.name
  }

  /** Runs that ended in an error. */
  get restarts(): number {
    return this.#restarts
  }

  stats(): SourceStats {
    return this.#options.source.stats()
  }

  async start(): Promise<void> {
    this.#running ??= this.#run(this.#stopping.signal)
  }

  /** Resolves when the source has come to its end, as sources do under `--once`, or was stopped. */
  async ended(): Promise<void> {
    await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { source, sink, clock, random, log, onNoInput } = this.#options
    const backoff = new Backoff({ firstMs: 500, maxMs: 60_000, random })
    while (!signal.aborted) {
      const begun = clock.monoMs()
      try {
        await source.run(sink, signal)
        return
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof HeadwaterError && error.code === 'no_input') return onNoInput(error)
        this.#restarts += 1
        // One that ran well for a while has earned a quick restart.
        if (clock.monoMs() - begun > 60_000) backoff.reset()
        const waitMs = Math.round(backoff.next())
        log.error({ error, source: source.name, waitMs }, 'a source failed; it is run again')
        await clock.sleep(waitMs, signal)
      }
    }
  }
}

import { isDeepStrictEqual } from 'node:util'
import type { Readable } from 'node:stream'
import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { Appender, Chunk } from './buffer/buffer.ts'
import type { AgentConfig } from './config.ts'
import type { SourceConfig } from './source-config.ts'
import { SourceRunner } from './source-runner.ts'
import { sourceTypes } from './sources/index.ts'
import type { SourceContext, SourceStats } from './sources/source.ts'

interface Running {
  readonly config: SourceConfig
  readonly context: Pick<SourceContext, 'stream' | 'partitionKey'>
  readonly runner: SourceRunner
}

export interface SourceSetDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stdin: () => Readable
}

/** The sources of the configuration, each run by itself. */
export class SourceSet {
  readonly #buffer: Appender
  readonly #dependencies: SourceSetDependencies
  readonly #running = new Map<string, Running>()
  readonly #failing = new AbortController()

  constructor(buffer: Appender, dependencies: SourceSetDependencies) {
    this.#buffer = buffer
    this.#dependencies = dependencies
  }

  /** Aborts, with the error, when a source has nothing to read and never will. */
  get failed(): AbortSignal {
    return this.#failing.signal
  }

  /** Stops what is gone or has changed, starts what is new; the rest goes on undisturbed. */
  async apply(config: AgentConfig): Promise<void> {
    const wanted = new Map(
      Object.entries(config.sources).map(([name, source]) => {
        const stream = source.stream ?? config.stream
        const partitionKey = source.partitionKey ?? config.device
        return [name, { config: source, context: { stream, partitionKey } }]
      })
    )
    for (const [name, { config, context, runner }] of this.#running) {
      if (isDeepStrictEqual(wanted.get(name), { config, context })) continue
      await runner.stop()
      this.#running.delete(name)
    }
    for (const [name, source] of wanted) {
      if (this.#running.has(name)) continue
      const runner = this.#runnerOf(name, source.config, { ...source.context, once: config.once })
      this.#running.set(name, { ...source, runner })
      await runner.start()
    }
  }

  /** Resolves when every source has come to its end. */
  async ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ runner }) => runner.ended()))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ runner }) => runner.stop()))
  }

  stats(): Record<string, SourceStats & { readonly restarts: number }> {
    return Object.fromEntries(
      [...this.#running].map(([name, { runner }]) => [
        name,
        { ...runner.stats(), restarts: runner.restarts }
      ])
    )
  }

  #runnerOf(
    name: string,
    source: SourceConfig,
    rest: Pick<SourceContext, 'stream' | 'partitionKey' | 'once'>
  ): SourceRunner {
    const type = sourceTypes.find((one) => one.key === source.kind)
    if (!type)
      throw new TypeError(`the configuration lets no source of kind ${source.kind} through`)
    const log = this.#dependencies.log.child({ source: name })
    const context = { ...this.#dependencies, ...rest, name, log }
    return new SourceRunner({
      ...this.#dependencies,
      source: type.create(source.options, context),
      sink: source.priority === 'high' ? urgent(this.#buffer) : this.#buffer,
      log,
      onNoInput: (error) => this.#failing.abort(error)
    })
  }
}

/** An appender that commits every chunk at once. */
function urgent(buffer: Appender): Appender {
  return {
    append: (chunk: Chunk, signal) => buffer.append({ ...chunk, urgent: true }, signal),
    cursors: (prefix) => buffer.cursors(prefix)
  }
}

import { isDeepStrictEqual } from 'node:util'
import type { Readable } from 'node:stream'
import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { Appender, Chunk } from './buffer/buffer.ts'
import type { AgentConfig } from './config.ts'
import type { Taps } from './control/taps.ts'
import type { AgentStats } from './metrics.ts'
import type { SourceConfig } from './source-config.ts'
import { SourceRunner } from './source-runner.ts'
import { sourceLoaders } from './sources/index.ts'
import type { SourceContext } from './sources/source.ts'
import { TransformedSource } from './transformed-source.ts'
import { Chain } from './transforms/chain.ts'
import { entriesOf } from './transforms/transforms-field.ts'

interface Running {
  readonly config: SourceConfig
  readonly context: Pick<SourceContext, 'stream' | 'partitionKey'>
  readonly runner: SourceRunner
  /** Absent when it has no transforms. */
  readonly chain: Chain | undefined
}

export interface SourceSetDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stdin: () => Readable
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly tellTime?: (timeMs: number) => void
  readonly taps: Taps
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

  /**
   * Stops what is gone or has changed, starts what is new; the rest goes on undisturbed. Rejects,
   * changing nothing, when one cannot be made.
   */
  async apply(config: AgentConfig): Promise<void> {
    const wanted = new Map(
      Object.entries(config.sources).map(([name, source]) => {
        const stream = source.stream ?? config.stream
        const partitionKey = source.partitionKey ?? config.device
        return [name, { config: source, context: { stream, partitionKey } }]
      })
    )
    const made = new Map<string, Running>()
    for (const [name, source] of wanted) {
      if (this.#isSame(name, source)) continue
      const chain = await this.#chainOf(source.config)
      const rest = { ...source.context, once: config.once, chain }
      const runner = await this.#runnerOf(name, source.config, rest)
      made.set(name, { ...source, runner, chain })
    }
    for (const [name, { runner }] of this.#running) {
      if (wanted.has(name) && !made.has(name)) continue
      await runner.stop()
      this.#running.delete(name)
    }
    for (const [name, running] of made) {
      this.#running.set(name, running)
      await running.runner.start()
    }
  }

  #isSame(name: string, wanted: Pick<Running, 'config' | 'context'>): boolean {
    const running = this.#running.get(name)
    if (!running) return false
    const { config, context } = running
    return isDeepStrictEqual(wanted, { config, context })
  }

  /** Resolves when every source has come to its end. */
  async ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ runner }) => runner.ended()))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ runner }) => runner.stop()))
  }

  stats(): AgentStats['sources'] {
    return Object.fromEntries(
      [...this.#running].map(([name, { runner, chain }]) => {
        const stats = { ...runner.stats(), restarts: runner.restarts }
        return [name, chain ? { ...stats, transforms: chain.stats() } : stats]
      })
    )
  }

  async #chainOf({ transforms }: SourceConfig): Promise<Chain | undefined> {
    const entries = await entriesOf(transforms)
    return entries.length === 0 ? undefined : new Chain(entries, this.#dependencies)
  }

  async #runnerOf(
    name: string,
    source: SourceConfig,
    {
      chain,
      ...rest
    }: Pick<SourceContext, 'stream' | 'partitionKey' | 'once'> & Pick<Running, 'chain'>
  ): Promise<SourceRunner> {
    const type = await sourceLoaders[source.kind]?.()
    if (!type)
      throw new TypeError(`the configuration lets no source of kind ${source.kind} through`)
    const log = this.#dependencies.log.child({ source: name })
    const context = { ...this.#dependencies, ...rest, name, log }
    const { taps } = this.#dependencies
    const plain = type.create(source.options, context)
    const sink = source.priority === 'high' ? urgent(this.#buffer) : this.#buffer
    return new SourceRunner({
      ...this.#dependencies,
      source: chain
        ? new TransformedSource({ ...context, source: taps.onSource(plain), chain })
        : plain,
      sink: taps.onSink(sink, name, chain ? ['after'] : ['before', 'after']),
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

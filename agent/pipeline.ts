import { isDeepStrictEqual } from 'node:util'
import type { Readable } from 'node:stream'
import type { Clock } from '../shared/clock.ts'
import type { Component } from '../shared/component.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { AgentBuffer } from './buffer/buffer.ts'
import type { ClockWatch } from './clock/clock-watch.ts'
import type { AgentConfig } from './config.ts'
import type { Taps } from './control/taps.ts'
import { createBuffer } from './create-buffer.ts'
import { createClock } from './create-clock.ts'
import { createLink } from './create-link.ts'
import { createSender } from './create-sender.ts'
import type { LinkPolicy } from './link/link-policy.ts'
import type { AgentStats } from './metrics.ts'
import type { Sender } from './sender/sender.ts'
import { SourceSet } from './source-set.ts'

export interface PipelineDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stdin: () => Readable
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly taps: Taps
}

/** What the sender is made of; when any of it changes, another takes its place. */
const senderKeys = ['to', 'token', 'format', 'gzip', 'tls', 'sender'] as const

/**
 * The way of the data: sources -> buffer -> sender. Started from the end of the flow and stopped
 * from its beginning, so that every stage drains into a living one.
 */
export class Pipeline implements Component {
  readonly name = 'pipeline'
  readonly #dependencies: PipelineDependencies
  readonly #clock: ClockWatch
  readonly #buffer: AgentBuffer
  readonly #link: LinkPolicy
  readonly #sources: SourceSet
  #config: AgentConfig
  #sender: Sender

  constructor(config: AgentConfig, dependencies: PipelineDependencies) {
    this.#config = config
    this.#dependencies = dependencies
    this.#clock = createClock(dependencies)
    const { time } = this.#clock
    this.#buffer = createBuffer(config, { ...dependencies, time })
    this.#link = createLink(config, dependencies)
    this.#sender = this.#createSender()
    this.#sources = new SourceSet(this.#buffer, {
      ...dependencies,
      tellTime: (timeMs) => time.tell(timeMs)
    })
  }

  /** Aborts, with the error, when a source has nothing to read and never will. */
  get failed(): AbortSignal {
    return this.#sources.failed
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#clock.start()
    await this.#buffer.start(signal)
    await this.#link.start()
    await this.#sender.start()
    await this.#sources.apply(this.#config)
  }

  /** Takes over the sources, the gateways and how they are spoken to; one call at a time. */
  async apply(config: AgentConfig): Promise<void> {
    const isSame = senderKeys.every((key) => isDeepStrictEqual(config[key], this.#config[key]))
    this.#config = config
    if (!isSame) {
      await this.#sender.stop(AbortSignal.abort())
      this.#sender = this.#createSender()
      await this.#sender.start()
    }
    await this.#sources.apply(config)
  }

  /** Resolves when all sources are at their end and everything is settled at the gateway. */
  async idle(signal: AbortSignal): Promise<void> {
    for (let sender: Sender | undefined; sender !== this.#sender && !signal.aborted; ) {
      sender = this.#sender
      await this.#sources.ended()
      await sender.idle(signal)
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const steps = [this.#sources, this.#sender, this.#link, this.#buffer, this.#clock]
    const errors: unknown[] = []
    for (const step of steps) {
      await step.stop(deadline).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'the data did not come to rest')
  }

  stats(): AgentStats {
    return {
      buffer: this.#buffer.stats(),
      sender: this.#sender.stats(),
      link: this.#link.stats(),
      clock: this.#clock.time.stats(),
      sources: this.#sources.stats()
    }
  }

  #createSender(): Sender {
    return createSender(this.#config, this.#buffer, { ...this.#dependencies, link: this.#link })
  }
}

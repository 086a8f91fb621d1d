import { isDeepStrictEqual } from 'node:util'
import type { Component } from '../../shared/component.ts'
import type { AgentConfig } from '../config.ts'
import type { WatchedStats } from './health.ts'
import type { Configurable } from './trials.ts'

/** An agent, as long as it lives. */
export interface AgentLife extends Configurable, Component {
  /** Resolves when there is nothing left to do; rejects when there never was. */
  finished(signal: AbortSignal): Promise<void>
}

/** What an agent is made with and keeps: for these it is made anew, over the same buffer. */
const keptKeys = ['streams', 'link'] as const

/** An agent that takes over what it can, and is made anew where it cannot. */
export class RenewedAgent implements AgentLife {
  readonly name = 'agent'
  readonly #make: (config: AgentConfig) => AgentLife
  #config: AgentConfig
  #agent: AgentLife
  /** False when the last one that was made did not start. */
  #alive = true
  #isStopping = false
  #renewing: Promise<void> | undefined
  #renewed = () => {}

  constructor(config: AgentConfig, make: (config: AgentConfig) => AgentLife) {
    this.#config = config
    this.#make = make
    this.#agent = make(config)
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#agent.start(signal)
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    await this.#renewing?.catch(() => undefined)
    await this.#agent.stop(deadline)
  }

  stats(): WatchedStats {
    return this.#agent.stats()
  }

  /** Rejects with `config` for what needs a new process, and as `start` of the agent does. */
  async reload(config: AgentConfig): Promise<void> {
    const { streams, link } = this.#config
    if (this.#alive) await this.#agent.reload({ ...config, streams, link })
    const kept = keptKeys.every((key) => isDeepStrictEqual(config[key], this.#config[key]))
    this.#config = config
    if ((kept && this.#alive) || this.#isStopping) return
    this.#renewing = this.#renew(config)
    await this.#renewing
  }

  async finished(signal: AbortSignal): Promise<void> {
    for (let agent: AgentLife | undefined; agent !== this.#agent; ) {
      agent = this.#agent
      const renewed = new Promise<void>((resolve) => {
        this.#renewed = resolve
      })
      await Promise.race([agent.finished(signal), renewed])
      // One that is being replaced has nothing left to do.
      await this.#renewing?.catch(() => undefined)
    }
  }

  async #renew(config: AgentConfig): Promise<void> {
    // What is in flight is sent again, under the same numbers.
    if (this.#alive) await this.#agent.stop(AbortSignal.abort())
    this.#alive = false
    this.#agent = this.#make(config)
    this.#renewed()
    try {
      await this.#agent.start(new AbortController().signal)
    } catch (error) {
      await this.#agent.stop(AbortSignal.abort())
      throw error
    }
    this.#alive = true
  }
}

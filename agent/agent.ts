import { pid } from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import type { Component } from '../shared/component.ts'
import { HeadwaterError } from '../shared/errors.ts'
import { HealthServer } from '../shared/health-server.ts'
import type { Log } from '../shared/log.ts'
import { agentHealth } from './agent-health.ts'
import type { AgentConfig } from './config.ts'
import { type AgentStatus, samplesOf } from './control/agent-status.ts'
import { ControlServer } from './control/control-server.ts'
import { Taps } from './control/taps.ts'
import { agentMetrics, type AgentStats } from './metrics.ts'
import { Pipeline, type PipelineDependencies } from './pipeline.ts'

export type AgentDependencies = Omit<PipelineDependencies, 'taps'>

/** What the pipeline is built on, and where the agent is found. */
const fixedKeys = ['dataDir', 'device', 'buffer', 'streams', 'link', 'health', 'once'] as const

/** The agent: the pipeline, and the two ways to look at it from outside. */
export class Agent implements Component {
  readonly name = 'agent'
  readonly #log: Log
  readonly #pipeline: Pipeline
  readonly #health: HealthServer | undefined
  readonly #control: ControlServer
  #config: AgentConfig
  /** One at a time, in the order in which they were asked for, after the start. */
  #reloading: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(config: AgentConfig, dependencies: AgentDependencies) {
    this.#config = config
    this.#log = dependencies.log
    const taps = new Taps()
    this.#pipeline = new Pipeline(config, { ...dependencies, taps })
    const { dataDir, health } = config
    const status = () => this.#status()
    this.#control = new ControlServer({ ...dependencies, dataDir, status, taps })
    if (health.listen !== 'off') {
      const address = health.listen
      this.#health = new HealthServer({ address, flag: '--health', health: agentHealth(this) })
    }
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined
  }

  /** Rejects with `config` when the file of the token cannot be read. */
  start(signal: AbortSignal): Promise<void> {
    this.#reloading = this.#start(signal)
    return this.#reloading
  }

  async #start(signal: AbortSignal): Promise<void> {
    await this.#config.token?.read()
    await this.#health?.start()
    await this.#pipeline.start(signal)
    await this.#control.start()
  }

  /**
   * Resolves, under `once`, when there is nothing left to do. Rejects with `no_input` when a source
   * has nothing to read and never will.
   */
  async finished(signal: AbortSignal): Promise<void> {
    const { failed } = this.#pipeline
    const failure = new Promise<never>((_, reject) => {
      const fail = () => reject(failed.reason)
      if (failed.aborted) fail()
      else failed.addEventListener('abort', fail, { once: true })
    })
    await (this.#config.once ? Promise.race([failure, this.#idle(signal)]) : failure)
  }

  /** A reload may give it something to do again. */
  async #idle(signal: AbortSignal): Promise<void> {
    for (let reloaded: Promise<void> | undefined; reloaded !== this.#reloading; ) {
      reloaded = this.#reloading
      await reloaded
      await this.#pipeline.idle(signal)
    }
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /**
   * Takes over what can change while running: sources, the gateways and how they are spoken to.
   * Rejects with `config`, changing nothing, when something else differs; with `unavailable` once it
   * stops.
   */
  reload(config: AgentConfig): Promise<void> {
    const turn = this.#reloading.then(() => this.#reload(config))
    this.#reloading = turn.catch(() => undefined)
    return turn
  }

  async #reload(config: AgentConfig): Promise<void> {
    if (this.#stopped) throw new HeadwaterError('unavailable', 'the agent is stopping')
    for (const key of fixedKeys) {
      if (isDeepStrictEqual(config[key], this.#config[key])) continue
      throw new HeadwaterError('config', `"${key}" cannot change while the agent runs; restart it`)
    }
    await config.token?.read()
    this.#config = config
    this.#log.level = config.log.level
    await this.#pipeline.apply(config)
  }

  stats(): AgentStats {
    return this.#pipeline.stats()
  }

  #status(): AgentStatus {
    const { device, to: gateways, sources } = this.#config
    const metrics = samplesOf(agentMetrics, this.stats())
    return { device, pid, gateways, sources: Object.keys(sources), metrics }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    await this.#reloading.catch(() => undefined)
    const errors: unknown[] = []
    for (const step of [this.#pipeline, this.#control, this.#health]) {
      await step?.stop(deadline).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'the agent did not stop cleanly')
  }
}

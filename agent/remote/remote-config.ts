import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { AgentConfig } from '../config.ts'
import { ConfigClient } from './config-client.ts'
import { type Report, withStarts } from './remote-state.ts'
import type { AgentLife } from './renewed-agent.ts'
import type { Start, StoredConfigs } from './stored-configs.ts'
import { Trials } from './trials.ts'

export interface RemoteConfigOptions {
  readonly agent: AgentLife
  readonly configs: StoredConfigs
  /** What the agent was made with. */
  readonly start: Start
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A fleet that starts at once does not ask at once. Milliseconds. */
const firstWaitMs = 30_000

/**
 * An agent whose configuration comes from the gateway: asks for it, has it tried, and tells what
 * became of it. Starts and stops the agent.
 */
export class RemoteConfig implements Component {
  readonly name = 'agent'
  readonly #options: RemoteConfigOptions
  readonly #trials: Trials
  readonly #client: ConfigClient
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #told: Report | undefined
  #complained = ''

  constructor(options: RemoteConfigOptions) {
    this.#options = options
    this.#client = new ConfigClient({ config: () => this.#trials.inForce.config })
    this.#trials = new Trials({
      ...options,
      probe: (signal) => this.#client.probe(signal).then(yes, no),
      announce: (signal) => this.#tell(signal).catch(() => undefined)
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    const { agent, configs, log } = this.#options
    const unsaved = (error: unknown) =>
      log.error({ error }, 'the state of the remote configuration cannot be saved')
    try {
      await agent.start(signal)
    } catch (error) {
      if (!signal.aborted) await this.#trials.notStarted(error).catch(unsaved)
      throw error
    }
    if (signal.aborted || this.#stopped) return
    if (configs.state.good) await configs.save(withStarts(configs.state, 0)).catch(unsaved)
    this.#running = this.#run(this.#stopping.signal)
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /** Takes over the file of the device as it is now. Rejects with `config`, `conflict`. */
  async reload(local: AgentConfig): Promise<void> {
    await this.#trials.reload(local)
    // What it did not believe before it may believe now.
    this.#client.forget()
  }

  /**
   * That of the agent; what is on trial when it rejects is not tried again. Rejects as well when the
   * agent cannot go back to what it ran with.
   */
  async finished(signal: AbortSignal): Promise<void> {
    const { lost } = this.#trials
    const dead = new Promise<never>((_, reject) => {
      lost.addEventListener('abort', () => reject(lost.reason), { once: true })
    })
    try {
      await Promise.race([this.#options.agent.finished(signal), dead])
    } catch (error) {
      this.#trials.ended(error)
      throw error
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#options.agent.stop(deadline)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    await this.#attempt(() => this.#trials.begin(signal), signal)
    const pollMs = () => this.#trials.inForce.config.remote?.poll ?? firstWaitMs
    await clock.sleep(random.fraction() * Math.min(pollMs(), firstWaitMs), signal)
    while (!signal.aborted) {
      await this.#attempt(() => this.#ask(signal), signal)
      await clock.sleep(pollMs() * (0.8 + 0.4 * random.fraction()), signal)
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const text = await this.#client.fetch(signal)
    if (text !== undefined) await this.#trials.consider(text, signal)
    await this.#tell(signal)
    // What can be tried once more must come once more.
    if (this.#options.configs.state.candidate) this.#client.forget()
    this.#complained = ''
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const { report } = this.#options.configs.state
    if (!report || report === this.#told || signal.aborted) return
    const version = this.#trials.inForce.signed?.version
    await this.#client.report({ ...report, ...(version ? { inForce: version } : {}) }, signal)
    this.#told = report
  }

  async #attempt(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#client.forget()
      const { message } = asHeadwaterError(error)
      if (signal.aborted || message === this.#complained) return
      this.#complained = message
      this.#options.log.warn({ error }, 'the remote configuration could not be brought up to date')
    }
  }
}

const yes = () => true
const no = () => false

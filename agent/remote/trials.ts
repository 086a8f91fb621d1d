import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { digestOf, type SignedConfig } from '../../shared/signed-config.ts'
import type { AgentConfig } from '../config.ts'
import { authentic, requireNewer } from './accept.ts'
import type { Baseline, WatchedStats } from './health.ts'
import { interrupted, passed, rejected, rolledBack, seen, trying } from './remote-state.ts'
import type { InForce, Start, StoredConfigs } from './stored-configs.ts'
import { type Fault, watchTrial } from './trial.ts'

/** The agent as far as its configuration goes. */
export interface Configurable {
  /** Rejects with `config`, when it cannot be taken over while the agent runs. */
  reload(config: AgentConfig): Promise<void>
  stats(): WatchedStats
}

export interface TrialsOptions {
  readonly agent: Configurable
  readonly configs: StoredConfigs
  /** What the agent was made with. */
  readonly start: Start
  /** Whether the gateway in force can be asked for a configuration. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>
  /** Tells the gateway that one is tried now; never rejects. */
  readonly announce: (signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

/** Puts configurations in force, and takes them out of force again when they do no good. */
export class Trials {
  readonly #options: TrialsOptions
  #inForce: InForce
  #busy = false
  /** Why the agent ended by itself. */
  #ended: unknown
  readonly #lost = new AbortController()

  constructor(options: TrialsOptions) {
    this.#options = options
    this.#inForce = options.start
  }

  get inForce(): InForce {
    return this.#inForce
  }

  /** Aborts, with the error, when the agent cannot go back to what it ran with: it runs no more. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** The agent ends by itself: what is being tried is at fault. */
  ended(error: unknown): void {
    this.#ended = error
  }

  /** The agent does not start: what it was to be tried with is at fault. */
  async notStarted(error: unknown): Promise<void> {
    const { start } = this.#options
    if (start.fallback && start.signed) await this.#blame(start.signed, error)
  }

  /** Goes on with what the agent was started with, if that is on trial. */
  async begin(signal: AbortSignal): Promise<void> {
    const { configs, start } = this.#options
    const { candidate } = configs.state
    if (!start.fallback || !start.signed || !candidate) return
    const { fallback } = start
    const before = { config: fallback.config, wasConnected: candidate.wasConnected }
    await this.#alone(() => this.#watch(fallback, { before }, signal))
  }

  /**
   * Checks what came, and tries it when it is good and new. Resolves when it is settled, for good or
   * until the next time. Rejects when the state cannot be saved.
   */
  consider(text: string, signal: AbortSignal): Promise<void> {
    return this.#alone(() => this.#consider(text, signal))
  }

  /**
   * Takes over the file of the device, with the configuration that is kept over it if the file still
   * believes it. Rejects with `config`; with `conflict` while one is tried.
   */
  reload(local: AgentConfig): Promise<void> {
    return this.#alone(async () => {
      if (!local.remote) {
        throw new HeadwaterError(
          'config',
          '"remote" cannot be removed while the agent runs; restart it'
        )
      }
      const { agent, configs } = this.#options
      const next = await configs.over(local)
      await agent.reload(next.config)
      this.#inForce = next
      await configs.adopt(local)
    })
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#busy) {
      const message = 'a remote configuration is being tried; try again when that is settled'
      throw new HeadwaterError('conflict', message)
    }
    this.#busy = true
    try {
      await work()
    } finally {
      this.#busy = false
    }
  }

  async #consider(text: string, signal: AbortSignal): Promise<void> {
    const { configs } = this.#options
    const { good, candidate, report } = configs.state
    const digest = digestOf(text)
    // Without a version it was not believed; the file of the device may say otherwise by now.
    const told = report?.version === undefined ? undefined : report.digest
    const settled = [told, good?.signed.digest].includes(digest)
    if (settled && candidate?.signed.digest !== digest) return
    let signed: SignedConfig | undefined
    let config: AgentConfig
    try {
      signed = authentic(text, this.#inForce.config)
      requireNewer(signed, configs.state)
      config = await configs.check(signed)
    } catch (error) {
      const outcome = { at: this.#now(), error: asHeadwaterError(error).message }
      if (report?.digest === digest && report.error === outcome.error) return
      this.#options.log.error({ error }, 'a remote configuration is refused')
      const state = signed ? seen(configs.state, signed) : configs.state
      await configs.save(rejected(state, signed ?? { digest }, outcome))
      return
    }
    await this.#try({ config, signed }, signal)
  }

  async #try(next: Required<InForce>, signal: AbortSignal): Promise<void> {
    const { agent, configs, log } = this.#options
    const previous = this.#inForce
    const stats = agent.stats()
    const before = { config: previous.config, stats, wasConnected: stats.sender.connected }
    const { version } = next.signed
    const facts = { at: this.#now(), wasConnected: before.wasConnected }
    await configs.save(trying(seen(configs.state, next.signed), next.signed, facts))
    await this.#options.announce(signal)
    log.info({ version }, 'a remote configuration is tried')
    this.#inForce = next
    await this.#watch(previous, { before, apply: () => agent.reload(next.config) }, signal)
  }

  async #watch(
    previous: InForce,
    { before, apply }: { before: Baseline; apply?: () => Promise<void> },
    signal: AbortSignal
  ): Promise<void> {
    const { agent, probe, clock } = this.#options
    const { config, signed } = this.#inForce
    if (!signed) return
    let fault: Fault | undefined
    try {
      await apply?.()
      const observe = () => ({ config, stats: agent.stats() })
      const windowMs = config.remote?.health ?? 0
      const options = { before, observe, probe: () => probe(signal), windowMs, clock }
      fault = await watchTrial(options, signal)
    } catch (error) {
      fault = { error: asHeadwaterError(error).message, again: false }
    }
    if (fault) await this.#rollBack(previous, { signed, fault })
    else if (signal.aborted) await this.#break(signed)
    else await this.#keep(signed)
  }

  async #keep(signed: SignedConfig): Promise<void> {
    const { configs, log } = this.#options
    await configs.save(passed(configs.state, signed, this.#now()))
    log.info({ version: signed.version }, 'the remote configuration is kept')
  }

  async #rollBack(
    previous: InForce,
    { signed, fault }: { signed: SignedConfig; fault: Fault }
  ): Promise<void> {
    const { agent, configs, log } = this.#options
    const { version } = signed
    log.error({ version, error: fault.error }, 'the remote configuration is taken back')
    try {
      await agent.reload(previous.config)
      this.#inForce = previous
    } catch (error) {
      this.#lost.abort(error)
    }
    await configs.save(rolledBack(configs.state, signed, { ...fault, at: this.#now() }))
  }

  /** The agent stops in the middle of a trial: that counts for nothing, unless it ends by itself. */
  async #break(signed: SignedConfig): Promise<void> {
    const { configs } = this.#options
    if (this.#ended === undefined) await configs.save(interrupted(configs.state))
    else await this.#blame(signed, this.#ended)
  }

  async #blame(signed: SignedConfig, thrown: unknown): Promise<void> {
    const { configs } = this.#options
    const error = `the agent ended: ${asHeadwaterError(thrown).message}`
    const outcome = { at: this.#now(), error, again: false }
    await configs.save(rolledBack(configs.state, signed, outcome))
  }

  #now(): string {
    return new Date(this.#options.clock.wallMs()).toISOString()
  }
}

import { join, resolve } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { Overlay } from '../../shared/config/overlay.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { SignedConfig } from '../../shared/signed-config.ts'
import type { AgentConfig } from '../config.ts'
import { authentic } from './accept.ts'
import { requireNoCommands } from './commands.ts'
import {
  abandoned,
  maxStarts,
  maxTries,
  noState,
  type RemoteState,
  rolledBack,
  trying,
  withStarts
} from './remote-state.ts'
import { readState, writeState } from './state-file.ts'

export interface StoredConfigsOptions {
  /** The configuration of the file and the flags. */
  readonly local: AgentConfig
  /** It again, with other keys over it. Rejects with `config`. */
  readonly load: (overlay: Overlay) => Promise<AgentConfig>
  readonly clock: Clock
  readonly log: Log
}

/** What an agent runs with. */
export interface InForce {
  readonly config: AgentConfig
  /** Absent: the file of the device alone. */
  readonly signed?: SignedConfig
}

/** What an agent starts with; on trial when there is something to fall back on. */
export interface Start extends InForce {
  readonly fallback?: InForce
}

/** The remote configurations that an agent keeps, and what it starts with. */
export class StoredConfigs {
  readonly #options: StoredConfigsOptions
  readonly #path: string
  #local: AgentConfig
  #state: RemoteState = noState

  constructor(options: StoredConfigsOptions) {
    this.#options = options
    this.#local = options.local
    this.#path = join(options.local.dataDir, 'remote', 'state.json')
  }

  get state(): RemoteState {
    return this.#state
  }

  /** Resolves when it is on disk; what rejects has changed nothing. */
  async save(state: RemoteState): Promise<void> {
    await writeState(this.#path, state)
    this.#state = state
  }

  /** To be called once, before the agent is made. Rejects with `store_too_new`. */
  async begin(): Promise<Start> {
    try {
      this.#state = await readState(this.#path)
    } catch (error) {
      if (error instanceof HeadwaterError && error.code === 'store_too_new') throw error
      this.#options.log.error({ error }, 'the remote configuration is lost; it is fetched again')
    }
    const candidate = await this.#candidate()
    const fallback = await this.#good()
    const start = candidate ? { ...candidate, fallback } : fallback
    const version = start.signed?.version
    if (version) this.#options.log.info({ version }, 'a remote configuration is in force')
    return start
  }

  /**
   * What the agent would run with if this were the file of the device: without what was kept where
   * the file does not believe it. Rejects with `config`.
   */
  async over(local: AgentConfig): Promise<InForce> {
    const { good } = this.#state
    if (!good || mistrust(good.signed, local)) return { config: local }
    return { config: await this.check(good.signed, local), signed: good.signed }
  }

  /** The agent runs with this file of the device now. Rejects when the state cannot be saved. */
  async adopt(local: AgentConfig): Promise<void> {
    this.#local = local
    const { good } = this.#state
    const error = good && mistrust(good.signed, local)
    if (!good || !error) return
    await this.save(abandoned(this.#state, good.signed, this.#failed(error, good.signed)))
  }

  /** What the agent would run with. Rejects with `config`, and a line for each problem. */
  async check(signed: SignedConfig, local = this.#local): Promise<AgentConfig> {
    const { remote } = local
    const config = await this.#options.load({
      name: `remote configuration ${signed.version}`,
      text: signed.config,
      keys: remote?.overridable ?? [],
      directory: remote?.files === undefined ? undefined : resolve(remote.files),
      envPrefix: 'HEADWATER_'
    })
    if (!remote?.commands) requireNoCommands(config, local)
    return config
  }

  async #candidate(): Promise<InForce | undefined> {
    const { candidate } = this.#state
    if (!candidate) return undefined
    const { signed, tries } = candidate
    let config: AgentConfig
    try {
      if (tries >= maxTries) throw ended(tries, 'was tried')
      authentic(signed.text, this.#local)
      config = await this.check(signed)
    } catch (error) {
      const outcome = { ...this.#failed(error, signed), again: false }
      await this.#attempt(rolledBack(this.#state, signed, outcome))
      return undefined
    }
    // Not in force before the disk knows of it.
    const known = await this.#attempt(
      trying(this.#state, signed, { ...candidate, at: this.#now() })
    )
    return known ? { config, signed } : undefined
  }

  async #good(): Promise<InForce> {
    const { good } = this.#state
    if (!good) return { config: this.#local }
    const { signed, starts } = good
    try {
      if (starts >= maxStarts) throw ended(starts, 'was started')
      authentic(signed.text, this.#local)
      const config = await this.check(signed)
      await this.#attempt(withStarts(this.#state, starts + 1))
      return { config, signed }
    } catch (error) {
      await this.#attempt(abandoned(this.#state, signed, this.#failed(error, signed)))
      return { config: this.#local }
    }
  }

  #failed(error: unknown, { version }: SignedConfig): { at: string; error: string } {
    this.#options.log.error({ error, version }, 'the agent runs without this configuration')
    return { at: this.#now(), error: asHeadwaterError(error).message }
  }

  /** False when it cannot be saved, which does not keep the agent from starting. */
  async #attempt(state: RemoteState): Promise<boolean> {
    try {
      await this.save(state)
      return true
    } catch (error) {
      this.#options.log.error({ error }, 'the state of the remote configuration cannot be saved')
      return false
    }
  }

  #now(): string {
    return new Date(this.#options.clock.wallMs()).toISOString()
  }
}

function mistrust({ text }: SignedConfig, local: AgentConfig): unknown {
  try {
    authentic(text, local)
    return undefined
  } catch (error) {
    return error
  }
}

function ended(times: number, when: string): HeadwaterError {
  return new HeadwaterError('config', `the agent ended ${times} times while it ${when}`)
}

import { execFile } from 'node:child_process'
import type { Clock } from '../../shared/clock.ts'
import { interfaceTo } from './route.ts'

/** How it is known whether the link is metered: told, asked of the system, or by interface. */
export type MeteredMode = boolean | 'auto' | { readonly interfaces: readonly string[] }

export interface MeteringOptions {
  readonly mode: MeteredMode
  readonly clock: Clock
  readonly procRoot?: string
  /** NetworkManager's command. */
  readonly nmcli?: string
}

/** Modems, telephones on a cable and dial-up, as Linux names their interfaces. */
export const meteredInterfaces: readonly string[] = ['ww*', 'ppp*', 'usb*', 'rmnet*']

const lookEveryMs = 60_000
/** After a failure. */
const lookAgainMs = 5_000
const nmcliTimeoutMs = 5_000
/** The words of its answer are translated otherwise. */
const nmcliEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }

/** Whether the link to the gateway is paid for by the byte. */
export class Metering {
  readonly #options: MeteringOptions
  #metered: boolean
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #freshMs = lookEveryMs
  #looking: Promise<void> | undefined

  constructor(options: MeteringOptions) {
    this.#options = options
    this.#metered = options.mode !== false
  }

  /** As of the last look; true before the first. */
  get metered(): boolean {
    return this.#metered
  }

  /** Perhaps the link is another one now. */
  expire(): void {
    this.#freshMs = lookAgainMs
  }

  /**
   * Looks at the link to this host when the last look is older than a minute, or than five seconds
   * after a failure.
   */
  async look(host: string): Promise<void> {
    if (typeof this.#options.mode === 'boolean') return
    const nowMs = this.#options.clock.monoMs()
    if (nowMs - this.#lookedAtMs < this.#freshMs) return this.#looking
    this.#lookedAtMs = nowMs
    this.#freshMs = lookEveryMs
    this.#looking = this.#lookAt(host)
    await this.#looking
  }

  async #lookAt(host: string): Promise<void> {
    const { mode, procRoot = '/proc', nmcli = 'nmcli' } = this.#options
    const name = await interfaceTo(host, procRoot)
    // Without a route nothing can be sent, and the last answer may soon be right again.
    if (name === undefined) return
    const patterns = typeof mode === 'object' ? mode.interfaces : meteredInterfaces
    const told = mode === 'auto' ? await askNetworkManager(nmcli, name) : undefined
    this.#metered = told ?? patterns.some((pattern) => fits(name, pattern))
  }
}

/**
 * Undefined when it is not there or does not know. It guesses `no` for all that looks like a network
 * card, as many a modem does, so that guess is no answer; `yes (guessed)` is one.
 */
function askNetworkManager(nmcli: string, device: string): Promise<boolean | undefined> {
  const args = ['-g', 'GENERAL.METERED', 'device', 'show', device]
  const options = { timeout: nmcliTimeoutMs, env: nmcliEnvironment }
  return new Promise((resolve) => {
    execFile(nmcli, args, options, (error, answer) => {
      if (error) resolve(undefined)
      else if (answer.startsWith('yes')) resolve(true)
      else resolve(answer.trim() === 'no' ? false : undefined)
    })
  })
}

/** `*` stands for any characters. */
function fits(name: string, pattern: string): boolean {
  const expression = pattern.split('*').map((part) => part.replace(/[^\w-]/g, '\\$&'))
  return new RegExp(`^${expression.join('.*')}$`).test(name)
}

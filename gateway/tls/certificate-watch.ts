import { stat } from 'node:fs/promises'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { TlsSettings, TlsSource } from '../fronts/tls/tls-source.ts'
import { type ReadTls, readTls } from './read-tls.ts'
import type { TlsConfig } from '../tls-config.ts'

export interface CertificateStats {
  /** Until the certificate ends; negative afterwards. */
  readonly expiresInMs: number
  readonly renewals: number
  /** Times that new files could not be used, so that the old certificate stayed. */
  readonly failures: number
}

const pollMs = 5000

/**
 * The certificates of the gateway, read again when a file of theirs changes. Connections that exist
 * go on with what they began with. Files that cannot be used change nothing: they are reported once
 * and tried again when they change.
 */
export class CertificateWatch implements TlsSource {
  readonly #clock: Clock
  readonly #log: Log
  readonly #listeners: ((settings: TlsSettings) => void)[] = []
  readonly #stopping = new AbortController()
  readonly #counts = { renewals: 0, failures: 0 }
  #config: TlsConfig
  #read: ReadTls | undefined
  #watching: Promise<void> | undefined

  constructor(config: TlsConfig, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#config = config
    this.#clock = clock
    this.#log = log
  }

  /** Rejects with `config` when the certificates cannot be used. */
  async start(): Promise<void> {
    const stamp = await this.#stamp()
    this.#read = await readTls(this.#config)
    this.#watching = this.#watch(stamp)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#watching
  }

  /** To be called after `start`. */
  current(): TlsSettings {
    if (!this.#read) throw new HeadwaterError('internal', 'no certificate was read yet')
    return this.#read.settings
  }

  onChange(listener: (settings: TlsSettings) => void): void {
    this.#listeners.push(listener)
  }

  /** Reads everything again, from where `config` says. Rejects with `config`, changing nothing. */
  async reload(config: TlsConfig): Promise<void> {
    try {
      const next = await readTls(config)
      this.#config = config
      this.#renew(next)
    } catch (error) {
      this.#counts.failures += 1
      throw error
    }
  }

  stats(): CertificateStats {
    const expiresMs = this.#read?.expiresMs ?? 0
    return { expiresInMs: expiresMs - this.#clock.wallMs(), ...this.#counts }
  }

  async #watch(first: string): Promise<void> {
    let seen = first
    const { signal } = this.#stopping
    for (;;) {
      await this.#clock.sleep(pollMs, signal)
      if (signal.aborted) return
      const stamp = await this.#stamp()
      if (stamp === seen) continue
      seen = stamp
      try {
        await this.reload(this.#config)
      } catch (error) {
        this.#log.error({ error }, 'new certificate cannot be used; the old one stays in force')
      }
    }
  }

  #renew(next: ReadTls): void {
    const same = JSON.stringify(next.settings) === JSON.stringify(this.#read?.settings)
    this.#read = next
    if (same) return
    this.#counts.renewals += 1
    for (const listener of this.#listeners) listener(next.settings)
    const expires = new Date(next.expiresMs).toISOString()
    this.#log.info({ expires }, 'new certificate in force for new connections')
  }

  /** Changes whenever one of the files does. */
  async #stamp(): Promise<string> {
    const { cert, key, clientCa, clientCrl } = this.#config
    const places = [cert, key, clientCa, clientCrl]
    const files = places.flatMap((place) => (typeof place === 'object' ? [place.file] : []))
    return (await Promise.all(files.map(stampOf))).join()
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino}/${size}/${mtimeNs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { isName } from '../../shared/record.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import { anonymousDevice, type DeviceLedger } from './admission.ts'
import { type LedgerEntry, LedgerStore } from './ledger-store.ts'

export interface LedgerOptions {
  readonly dataDir: string
  /** Accounts that are kept; those of devices that were silent longest go first. */
  readonly maxDevices: number
  readonly clock: Clock
  readonly log: Log
}

/** A process that is killed loses what was counted since then. */
const flushMs = 2000

/**
 * The account of every device. Counts are gathered in memory and added to the store every two
 * seconds; no batch waits for it, and none is refused because it cannot be written.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #stopping = new AbortController()
  #store: LedgerStore | undefined
  #pending = new Map<string, LedgerEntry>()
  #flushing: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined
  #isFailing = false
  #forgotten = 0

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Accounts dropped at `maxDevices`. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** A damaged file is set aside; where the disk is full it is opened later. Rejects with `store_too_new`. */
  async start(): Promise<void> {
    await this.#open()
    this.#running = this.#run(this.#stopping.signal)
  }

  /** Writes what was counted. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    const store = this.#store
    if (!store) return
    this.#store = undefined
    try {
      await this.#flush(store)
      if (this.#pending.size === 0) await store.finish()
    } finally {
      await store.close()
    }
  }

  /** A batch of which every record is stored, was stored before (`repeats`), or is in `rejected`. */
  settled(
    device: string,
    ack: Ack,
    what: { readonly repeats: number; readonly bytes: number }
  ): void {
    const entry = this.#entryOf(device)
    if (!entry) return
    entry.received += ack.count
    entry.repeated += what.repeats
    entry.stored += ack.count - ack.rejected.length - what.repeats
    entry.bytes += what.bytes
    for (const { code } of ack.rejected) add(entry.rejected, code, 1)
  }

  /**
   * A batch that was refused as a whole. For good, when its sender can do no more with it than to
   * give it up; else it is turned away, and nothing of it is settled.
   */
  refused(device: string, { code, count }: Ack, bytes: number): void {
    const entry = this.#entryOf(device)
    if (!entry) return
    if (code === 'invalid' || (code === 'too_large' && count === 1)) {
      entry.received += count
      entry.bytes += bytes
      add(entry.rejected, code, count)
    } else {
      add(entry.turnedAway, code, count)
    }
  }

  /**
   * Everything that was counted before the call is in it; undefined: never heard of. Rejects with
   * `unavailable` while the store cannot be opened.
   */
  async read(device: string): Promise<DeviceLedger | undefined> {
    const store = this.#store
    if (!store) throw new HeadwaterError('unavailable', 'the accounts of devices are not open')
    await this.#flush(store)
    return store.read(device)
  }

  #entryOf(name: string): LedgerEntry | undefined {
    const { clock, maxDevices } = this.#options
    const device = isName(name) ? name : anonymousDevice
    const nowMs = clock.wallMs()
    const known = this.#pending.get(device)
    if (known) {
      known.lastMs = nowMs
      return known
    }
    if (this.#pending.size >= maxDevices) {
      this.#forgotten += 1
      return undefined
    }
    const entry: LedgerEntry = {
      device,
      ...{ received: 0, stored: 0, repeated: 0, bytes: 0 },
      rejected: {},
      turnedAway: {},
      firstMs: nowMs,
      lastMs: nowMs
    }
    this.#pending.set(device, entry)
    return entry
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(flushMs, signal)
      if (signal.aborted) return
      if (!this.#store) await this.#open().catch((error: unknown) => this.#report(error))
      if (this.#store) await this.#flush(this.#store)
    }
  }

  /** On a full disk the engine makes room as records expire, so the gateway must run. */
  async #open(): Promise<void> {
    try {
      this.#store = await openOrBegin(this.#options.dataDir, this.#options)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code !== 'store_full') throw error
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    const { log } = this.#options
    if (!this.#isFailing) log.error({ error }, 'accounts of devices cannot be written')
    this.#isFailing = true
  }

  /** One at a time, so that nothing is read between taking the counts and writing them. */
  #flush(store: LedgerStore): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write(store))
    return this.#flushing
  }

  /** Never rejects: what cannot be written is tried again. */
  async #write(store: LedgerStore): Promise<void> {
    if (this.#pending.size === 0) return
    const taken = this.#pending
    this.#pending = new Map()
    try {
      await store.add([...taken.values()])
      this.#isFailing = false
    } catch (error) {
      this.#report(error)
      this.#putBack(taken)
      return
    }
    this.#forgotten += await store.keep(this.#options.maxDevices).catch(() => 0)
  }

  #putBack(taken: Map<string, LedgerEntry>): void {
    for (const [device, later] of this.#pending) {
      const entry = taken.get(device)
      if (entry) merge(entry, later)
      else taken.set(device, later)
    }
    this.#pending = taken
  }
}

/** Accounts are worth less than a gateway that starts. */
async function openOrBegin(dataDir: string, { clock, log }: LedgerOptions): Promise<LedgerStore> {
  try {
    return await LedgerStore.open(dataDir, clock.wallMs())
  } catch (thrown) {
    const error = asHeadwaterError(thrown)
    if (error.code !== 'store_corrupt') throw error
    const aside = await LedgerStore.setAside(dataDir, clock.wallMs())
    log.error({ error, aside }, 'accounts of devices are damaged and begin anew')
    return LedgerStore.open(dataDir, clock.wallMs())
  }
}

function merge(entry: LedgerEntry, later: LedgerEntry): void {
  entry.received += later.received
  entry.stored += later.stored
  entry.repeated += later.repeated
  entry.bytes += later.bytes
  entry.lastMs = later.lastMs
  for (const [code, count] of Object.entries(later.rejected)) add(entry.rejected, code, count)
  for (const [code, count] of Object.entries(later.turnedAway)) add(entry.turnedAway, code, count)
}

function add(counts: Record<string, number>, code: string, count: number): void {
  counts[code] = (counts[code] ?? 0) + count
}

import { BytePool } from '../../shared/byte-pool.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import { refusalAck } from '../../shared/wire/refusal-ack.ts'
import type { AdmittedBatch, Sharding, Taken } from '../sharding/sharding.ts'
import type {
  Admission,
  AdmissionStats,
  Credentials,
  DeviceLedger,
  IncomingBatch,
  Principal
} from './admission.ts'
import type { Authenticator } from './authenticator.ts'
import { authorise } from './authorise.ts'
import { type BatchIdentity, deviceOf, Identities } from './identities.ts'
import type { Ledger } from './ledger.ts'
import type { Quota } from './quota.ts'
import { storedAck } from './stored-ack.ts'
import { StreamLines, tooMuchWaits } from './stream-lines.ts'
import { Tally } from './tally.ts'
import { Turns } from './turns.ts'
import { validate, type Verdict } from './validate.ts'

export interface GateLimits {
  /** How long a batch that overtook its predecessor waits for it. Milliseconds. */
  readonly earlyWaitMs: number
  /** Batches of one source that may wait so. */
  readonly maxEarly: number
  /** Sources whose order and repeats are remembered, and idempotency keys. */
  readonly maxSources: number
  /** Held by batches that wait before they are handed on: for a predecessor or for the engine. */
  readonly waitingBytes: number
}

export interface GateOptions {
  readonly authenticator: Authenticator
  readonly quota: Quota
  readonly ledger: Ledger
  readonly sharding: Sharding
  readonly limits: GateLimits
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The way in: who, how much, well-formed, in turn, once; then over to the lanes. */
export class Gate implements Admission, Component {
  readonly name = 'admission'
  readonly #options: GateOptions
  readonly #identities: Identities
  readonly #waiting: BytePool
  readonly #turns: Turns
  readonly #lines: StreamLines
  readonly #tally: Tally
  #underWay = 0
  #idle: () => void = () => undefined
  #stopped: Promise<void> | undefined

  constructor(options: GateOptions) {
    const { limits, clock, random, sharding } = options
    this.#options = options
    this.#tally = new Tally(options.ledger)
    this.#identities = new Identities(random, limits.maxSources)
    this.#waiting = new BytePool({ maxBytes: limits.waitingBytes, waitMs: 0, maxWaiting: 0, clock })
    this.#turns = new Turns({ ...limits, waiting: this.#waiting, clock })
    this.#lines = new StreamLines(sharding, this.#waiting)
    sharding.onGone((stream) => {
      this.#turns.forget(`${stream}/`)
      this.#identities.forget(stream)
    })
  }

  async start(_signal: AbortSignal): Promise<void> {
    await this.#options.ledger.start()
    await this.#options.authenticator.start()
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  async authenticate(credentials: Credentials): Promise<Principal> {
    return this.#options.authenticator.authenticate(credentials)
  }

  async admit(batch: IncomingBatch): Promise<Ack> {
    this.#tally.received(batch)
    this.#underWay += 1
    let entered = false
    let ack: Ack
    try {
      this.#enter(batch)
      entered = true
      ack = await this.#pass(batch)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      // What is sent again because it was not taken counts once.
      if (entered && error.retryable) this.#charge(batch, -1)
      ack = this.#refusal(batch, error)
      this.#tally.refused(batch, ack)
    }
    this.#tally.answered(ack)
    this.#underWay -= 1
    if (this.#underWay === 0) this.#idle()
    return ack
  }

  ledger(device: string): Promise<DeviceLedger | undefined> {
    return this.#options.ledger.read(device)
  }

  stats(): AdmissionStats {
    return {
      ...this.#tally.stats(),
      sources: this.#turns.sources,
      forgotten: {
        sources: this.#turns.forgotten,
        keys: this.#identities.forgotten,
        quotas: this.#options.quota.forgotten,
        ledgers: this.#options.ledger.forgotten
      }
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#turns.stop()
    await new Promise<void>((resolve) => {
      if (this.#underWay === 0 || deadline.aborted) resolve()
      this.#idle = resolve
      deadline.addEventListener('abort', () => resolve(), { once: true })
    })
    await this.#options.authenticator.stop()
    await this.#options.ledger.stop()
  }

  /** Throws what the sender, by itself, is refused with. */
  #enter(batch: IncomingBatch): void {
    if (this.#stopped) throw new HeadwaterError('unavailable', 'the gateway is stopping')
    authorise(batch)
    const device = deviceOf(batch)
    const waitMs = this.#options.quota.waitMs(device)
    if (waitMs > 0) {
      const message = `device "${device}" is over its quota`
      throw new HeadwaterError('throttled', message, { retryAfterMs: waitMs })
    }
    this.#charge(batch, 1)
  }

  #charge(batch: IncomingBatch, times: 1 | -1): void {
    const records = times * batch.records.lens.length
    this.#options.quota.charge(deviceOf(batch), records, times * batch.wireBytes)
  }

  #refusal(batch: IncomingBatch, error: HeadwaterError): Ack {
    const { header, stream, records } = batch
    if (error.code === 'internal') {
      this.#options.log.error({ error, stream }, 'a batch could not be judged')
    }
    const epoch = header?.epoch ?? this.#identities.epoch
    const first = header?.first ?? 0
    return refusalAck({ epoch, stream, first, count: records.lens.length }, error)
  }

  #pass(batch: IncomingBatch): Promise<Ack> {
    const identity = this.#identities.of(batch)
    if (identity) return this.#admitInTurn(batch, identity)
    const bytes = batch.records.data.length
    return this.#lines.pass(batch.stream, bytes, () => this.#admitStamped(batch))
  }

  /** Records that nobody can repeat, numbered here. Takes them before it yields. */
  async #admitStamped(batch: IncomingBatch): Promise<Ack> {
    const { stream, records } = batch
    const { rejects, selected } = this.#verdict(batch, 0)
    const { source, first } = this.#identities.stamp(batch)
    await this.#take({ stream, records, source, first, offsetMs: 0, repeatable: false }, selected)
      .durable
    const through = first + records.lens.length - 1
    const ack = storedAck(batch, { epoch: source.epoch, first, through }, rejects)
    this.#tally.settled(batch, ack, 0)
    return ack
  }

  async #admitInTurn(batch: IncomingBatch, identity: BatchIdentity): Promise<Ack> {
    const { stream, records } = batch
    const { source, first, prev, floor, offsetMs, clock } = identity
    await this.#prepared(batch, identity)
    const { rejects, selected } = this.#verdict(batch, offsetMs)
    let storedBefore = 0
    const { through, repeats } = await this.#turns.pass(`${stream}/${sourceKey(source)}`, {
      first,
      last: first + records.lens.length - 1,
      prev,
      floor,
      bytes: records.data.length,
      take: (from) => {
        const { durable, repeats } = this.#take(
          { stream, records, source, first, offsetMs, clock, repeatable: true },
          selectFrom(selected, records.lens.length, from - first)
        )
        storedBefore = repeats
        return durable
      }
    })
    const ack = storedAck(batch, { epoch: source.epoch, first, through }, rejects)
    // Of what lies before the first new record, the bad ones are rejected again, not repeated.
    const rejectedBefore = rejects.filter(({ index }) => index < repeats).length
    this.#tally.settled(batch, ack, repeats - rejectedBefore + storedBefore)
    return ack
  }

  async #prepared(batch: IncomingBatch, { source }: BatchIdentity): Promise<void> {
    const loading = this.#options.sharding.prepare(batch.stream, source)
    if (!loading) return
    const place = this.#waiting.tryReserve(batch.records.data.length)
    if (place) return loading.finally(() => place.release())
    loading.catch(() => {})
    throw tooMuchWaits()
  }

  #verdict(batch: IncomingBatch, offsetMs: number): Verdict {
    const maxRecordBytes = this.#options.sharding.maxRecordBytes(batch.stream)
    return validate(batch.records, { maxRecordBytes, offsetMs })
  }

  #take(batch: AdmittedBatch, selected: Uint32Array | undefined): Taken {
    if (selected?.length === 0) return { durable: Promise.resolve(), repeats: 0 }
    return this.#options.sharding.take(selected ? { ...batch, selected } : batch)
  }
}

/** Of the selected records those from index `from` on; undefined when those are all there are. */
function selectFrom(
  selected: Uint32Array | undefined,
  count: number,
  from: number
): Uint32Array | undefined {
  if (from === 0) return selected
  if (selected) return selected.filter((index) => index >= from)
  return Uint32Array.from({ length: count - from }, (_, i) => from + i)
}

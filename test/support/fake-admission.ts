import { HeadwaterError } from '../../shared/errors.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type {
  Admission,
  AdmissionStats,
  Credentials,
  IncomingBatch,
  Principal
} from '../../gateway/admission/admission.ts'

/** What a script says about one batch; what it leaves out is that of a batch stored whole. */
export type Verdict = Partial<Ack>

/**
 * An admission that remembers what it was given and answers as the test says: `ok` for everything
 * unless `judge` is set, at once unless `hold` was called. Without `tokens` authentication is off.
 */
export class FakeAdmission implements Admission {
  readonly name = 'fake admission'
  /** Every batch in the order of the calls, those that were refused among them. */
  readonly batches: IncomingBatch[] = []
  readonly credentials: Credentials[] = []
  /** Token of each device; set it to turn authentication on. */
  tokens: Map<string, string> | undefined
  /** Says what becomes of the batch that is number `index` of all calls. */
  judge: (batch: IncomingBatch, index: number) => Verdict = () => ({})
  readonly #revocations = new Map<string, AbortController>()
  #held: (() => void)[] | undefined
  #next = 1

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async authenticate(credentials: Credentials): Promise<Principal> {
    this.credentials.push(credentials)
    const { device, token } = credentials
    if (!this.tokens) return { device: undefined, revoked: this.#revoked('').signal }
    if (device !== undefined && token !== undefined && this.tokens.get(device) === token) {
      return { device, revoked: this.#revoked(device).signal }
    }
    throw new HeadwaterError('unauthorized', `wrong token for ${device}`)
  }

  /** Takes away what the device was let in with; `''` is anybody while authentication is off. */
  revoke(device: string): void {
    this.tokens?.delete(device)
    this.#revoked(device).abort()
  }

  async admit(batch: IncomingBatch): Promise<Ack> {
    const index = this.batches.push(batch) - 1
    const count = batch.records.lens.length
    const first = batch.header?.first ?? this.#next
    this.#next += count
    const verdict = this.judge(batch, index)
    const held = this.#held
    if (held) await new Promise<void>((resolve) => held.push(resolve))
    return {
      epoch: batch.header?.epoch ?? '0'.repeat(32),
      stream: batch.stream,
      first,
      count,
      code: 'ok',
      through: first + count - 1,
      rejected: [],
      ...verdict
    }
  }

  /** From now on verdicts wait for `release`. */
  hold(): void {
    this.#held ??= []
  }

  /** How many verdicts wait. */
  get held(): number {
    return this.#held?.length ?? 0
  }

  /** Lets the oldest `count` verdicts out, those after them still wait; without `count` all, for good. */
  release(count?: number): void {
    const held = this.#held ?? []
    if (count === undefined) this.#held = undefined
    for (const resolve of held.splice(0, count ?? held.length)) resolve()
  }

  /** The data of all records given so far as text, in order. */
  texts(): string[] {
    return this.batches.flatMap((batch) => textsOf(batch))
  }

  async ledger(): Promise<undefined> {}

  stats(): AdmissionStats {
    const receivedRecords = this.batches.reduce((sum, one) => sum + one.records.lens.length, 0)
    return {
      receivedRecords,
      receivedBytes: this.batches.reduce((sum, one) => sum + one.wireBytes, 0),
      storedRecords: receivedRecords,
      repeatedRecords: 0,
      rejectedRecords: {},
      answers: {},
      sources: 0,
      forgotten: {}
    }
  }

  #revoked(device: string): AbortController {
    let controller = this.#revocations.get(device)
    if (!controller || (controller.signal.aborted && this.tokens?.has(device))) {
      controller = new AbortController()
      this.#revocations.set(device, controller)
    }
    return controller
  }
}

/** The data of each record of a batch as text. */
export function textsOf(batch: IncomingBatch): string[] {
  let at = 0
  return Array.from(batch.records.lens, (length) => {
    const text = batch.records.data.toString('utf8', at, at + length)
    at += length
    return text
  })
}

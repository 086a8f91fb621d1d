import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import type { Transport } from '../../../agent/sender/transports/transport.ts'
import { type ErrorCode, HeadwaterError } from '../../../shared/errors.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { ackOf } from '../../support/fake-gateway-script.ts'

/** A batch that waits for the test to answer it. */
export interface Pending {
  readonly frame: StoredFrame
  /** Ok unless the fields say otherwise. */
  answer(fields?: Partial<Ack>): void
  fail(code?: ErrorCode, retryAfterMs?: number): void
}

/** Keeps what is sent until the test answers it. */
export class FakeTransport implements Transport {
  readonly name = 'fake://gateway'
  readonly sent: StoredFrame[] = []
  pending: Pending[] = []
  /** Answers by itself what it has an answer for. */
  script: ((frame: StoredFrame) => Partial<Ack> | undefined) | undefined
  moved = 0
  resets = 0
  closed = false
  connected = 0

  send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    this.sent.push(frame)
    this.moved += 1
    const scripted = this.script?.(frame)
    if (scripted) return Promise.resolve(ackOf(frame.header, scripted))
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.pending = this.pending.filter((one) => one !== pending)
      }
      const pending: Pending = {
        frame,
        answer: (fields = {}) => {
          leave()
          this.moved += 1
          resolve(ackOf(frame.header, fields))
        },
        fail: (code = 'transport', retryAfterMs) => {
          leave()
          reject(new HeadwaterError(code, code, retryAfterMs ? { retryAfterMs } : {}))
        }
      }
      this.pending.push(pending)
      signal.addEventListener('abort', () => pending.fail())
    })
  }

  bytesMoved(): number {
    return this.moved
  }

  connections(): number {
    return this.connected
  }

  async reset(): Promise<void> {
    this.resets += 1
    for (const one of this.pending) one.fail()
  }

  async close(): Promise<void> {
    this.closed = true
    for (const one of this.pending) one.fail()
  }

  /** The only batch that waits for an answer. */
  only(): Pending {
    const [one, ...others] = this.pending
    if (!one || others.length > 0) throw new Error(`${this.pending.length} batches are pending`)
    return one
  }

  get firsts(): number[] {
    return this.sent.map(({ header }) => header.first)
  }

  get pendingFirsts(): number[] {
    return this.pending.map(({ frame }) => frame.header.first)
  }
}

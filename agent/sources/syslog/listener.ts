import { aborted } from '../../../shared/aborted.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { Inbox } from '../inbox.ts'
import { Offer, type Target } from '../offer.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { messageRecord, type SyslogKey } from './message-record.ts'
import type { Peers } from './peers.ts'
import type { Port, PortProblem, Receiver } from './port.ts'

/** What is gathered while an append is under way. */
const gathered = { maxBytes: 4 * 1024 * 1024, maxRecords: 20_000 }

/** A chunk of this size shows that more comes than a commit age should gather. Bytes. */
const busyBytes = 256 * 1024

/** How long the last messages may take to become durable when the agent stops. */
const graceMs = 5000

interface ListenerOptions {
  readonly context: SourceContext
  readonly tally: Tally
  readonly peers: Peers
  readonly key: SyslogKey
  readonly raw: boolean
  /** Whether peers can be made to wait; if not, the memory ring may take their messages. */
  readonly waits: boolean
}

/**
 * What comes in at one port, on its way to the buffer. One chunk is under way at a time and is
 * offered until it is taken, so no failure changes the order.
 */
export class Listener implements Receiver {
  readonly #options: ListenerOptions
  readonly #port: Port
  readonly #offer: Offer
  #inbox: Inbox | undefined

  constructor(options: ListenerOptions, portFor: (receiver: Receiver) => Port) {
    this.#options = options
    this.#offer = new Offer(options.context, options.tally)
    this.#port = portFor(this)
  }

  get address(): Port['address'] {
    return this.#port.address
  }

  /** Resolves when `signal` aborts. Rejects with `store_full` when messages were lost by that. */
  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    const { context } = this.#options
    this.#inbox = new Inbox({ partitionKey: context.partitionKey, ...gathered })
    const windDown = new WindDown({ context, sink, signal, graceMs })
    try {
      await this.#port.open()
      const lost = this.#appendAll(this.#inbox, { sink, stopping: signal, giveUp: windDown.signal })
      await aborted(signal)
      await this.#port.close()
      this.#inbox.end()
      if ((await lost) > 0) {
        const message = `source ${context.name}: ${await lost} messages could not be stored`
        throw new HeadwaterError('store_full', message)
      }
    } finally {
      windDown.close()
    }
  }

  get full(): boolean {
    return this.#inbox?.full ?? true
  }

  async room(): Promise<void> {
    await this.#inbox?.room()
  }

  allows(peer: string): boolean {
    return this.#options.peers.allows(peer)
  }

  problem(reason: PortProblem): void {
    this.#options.tally.problem(reason)
  }

  message(bytes: Buffer, { peer, cut }: { readonly peer: string; readonly cut: boolean }): void {
    const { context, tally, key, raw } = this.#options
    const nowMs = context.clock.wallMs()
    const rules = { key, raw, partitionKey: context.partitionKey }
    const record = messageRecord({ bytes, peer, cut, nowMs }, rules)
    if (cut) tally.problem('cut_message')
    if (record.attributes?.['unparsed']) tally.problem('unparsed')
    if (!this.#inbox?.add(record)) tally.problem('lost_at_stop')
  }

  /** Appends until the inbox has ended and is empty. Returns how many records were given up. */
  async #appendAll(inbox: Inbox, target: Target): Promise<number> {
    const { context, tally, waits } = this.#options
    for (;;) {
      const records = await inbox.take(target.giveUp)
      if (!records) return 0
      const times = inbox.takenTimes
      const urgent = records.data.length >= busyBytes
      const chunk = { stream: context.stream, records, times, urgent, volatile: !waits }
      if (!(await this.#offer.take(chunk, target))) {
        // Nobody takes from it any more, so nobody may wait for room either.
        inbox.end()
        const lost = records.lens.length + inbox.count
        tally.problem('lost_at_stop', lost)
        return lost
      }
    }
  }
}

import { Backoff } from '../../../shared/backoff.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Appender, Chunk } from '../../buffer/buffer.ts'
import { Inbox } from '../inbox.ts'
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
  #inbox: Inbox | undefined

  constructor(options: ListenerOptions, portFor: (receiver: Receiver) => Port) {
    this.#options = options
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
      const lost = this.#appendAll(this.#inbox, sink, windDown.signal)
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
  async #appendAll(inbox: Inbox, sink: Appender, signal: AbortSignal): Promise<number> {
    const backoff = new Backoff({
      firstMs: 500,
      maxMs: 30_000,
      random: this.#options.context.random
    })
    for (;;) {
      const records = await inbox.take(signal)
      if (!records) return 0
      const times = inbox.takenTimes
      if (!(await this.#append({ records, times }, { sink, signal, backoff }))) {
        // Nobody takes from it any more, so nobody may wait for room either.
        inbox.end()
        const lost = records.lens.length + inbox.count
        this.#options.tally.problem('lost_at_stop', lost)
        return lost
      }
    }
  }

  async #append(
    { records, times }: Required<Pick<Chunk, 'records' | 'times'>>,
    { sink, signal, backoff }: { sink: Appender; signal: AbortSignal; backoff: Backoff }
  ): Promise<boolean> {
    const { context, tally, waits } = this.#options
    const urgent = records.data.length >= busyBytes
    const chunk = { stream: context.stream, records, times, urgent, volatile: !waits }
    while (!signal.aborted) {
      try {
        await sink.append(chunk, signal)
        tally.took(records)
        backoff.reset()
        return true
      } catch (error) {
        if (signal.aborted) return false
        tally.problem('append_retry')
        context.log.warn({ source: context.name, error }, 'append failed; tried again')
        await context.clock.sleep(backoff.next(), signal)
      }
    }
    return false
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

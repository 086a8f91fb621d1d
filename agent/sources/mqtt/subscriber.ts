import type { IPublishPacket } from 'mqtt'
import { Backoff } from '../../../shared/backoff.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { Inbox } from '../inbox.ts'
import { noRecords } from '../lines/cut-columns.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { BrokerConnection, type BrokerOptions } from './broker-connection.ts'
import { type MqttKey, maxPayloadBytes, messageRecord } from './message-record.ts'
import { OwedAcks } from './owed-acks.ts'

interface SubscriberOptions {
  readonly context: SourceContext
  readonly tally: Tally
  readonly inbox: Inbox
  readonly sink: Appender
  readonly broker: BrokerOptions
  readonly topics: readonly string[]
  readonly key: MqttKey
}

/** A connection that lasted this long has earned a quick reconnect. Milliseconds. */
const steadyMs = 60_000

/** How long the last PUBACKs may take to leave. Milliseconds. */
const closeMs = 1000

/** Keeps the inbox filled from the broker, over as many connections as it takes. */
export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #acks = new OwedAcks()
  #connection: BrokerConnection | undefined
  #stopped = false
  #subscribed = false

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** Resolves when `signal` aborts; what came by then can still be acknowledged. */
  async run(signal: AbortSignal): Promise<void> {
    const { context, tally } = this.#options
    const { clock, random, log, name: source } = context
    const backoff = new Backoff({ firstMs: 500, maxMs: 60_000, random })
    const stop = new Promise<void>((resolve) => {
      const stopped = () => {
        this.#stopped = true
        resolve()
      }
      if (signal.aborted) stopped()
      else signal.addEventListener('abort', stopped, { once: true })
    })
    while (!signal.aborted) {
      const begun = clock.monoMs()
      try {
        await Promise.race([this.#connect(signal), stop])
        await Promise.race([this.#connection?.closed, stop])
        if (signal.aborted) return
        tally.problem('lost_connection')
        log.warn({ source }, 'the connection to the broker was lost')
      } catch (error) {
        if (signal.aborted) return
        this.#connection?.abandon()
        tally.problem('failed_connection')
        log.warn({ source, error }, 'the broker cannot be reached; tried again')
      }
      if (clock.monoMs() - begun > steadyMs) backoff.reset()
      await clock.sleep(backoff.next(), signal)
    }
  }

  /** The oldest `count` records of the inbox are durable. */
  durable(count: number): void {
    const open = this.#connection?.open ?? false
    const due = this.#acks.settle(count, open)
    this.#connection?.acknowledge(due)
  }

  async close(): Promise<void> {
    const { clock } = this.#options.context
    const deadline = new AbortController()
    const late = clock.sleep(closeMs, deadline.signal).then(() => deadline.abort())
    await this.#connection?.close(deadline.signal)
    deadline.abort()
    await late
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { broker, topics, context, tally } = this.#options
    const events = {
      accepted: (resumed: boolean) => this.#acks.connected(resumed),
      message: (packet: IPublishPacket, next: () => void) => this.#received(packet, next)
    }
    // Known before the broker accepts, for the first messages may come with its answer.
    const connection = await BrokerConnection.dial(broker, events)
    // Whoever stopped did not wait for this, so nobody else closes it.
    if (signal.aborted) return connection.abandon()
    this.#connection = connection
    await connection.ready()
    const known = this.#subscribedBefore()
    if (!connection.resumed && known.length > 0) {
      tally.problem('lost_session')
      context.log.warn(
        { source: context.name },
        'the broker has forgotten the session; what was published meanwhile is lost'
      )
    }
    const stale = known.filter((topic) => !topics.includes(topic))
    if (connection.resumed && stale.length > 0) await connection.unsubscribe(stale)
    if (!connection.resumed || !this.#subscribed) await connection.subscribe(topics)
    this.#subscribed = true
    context.log.info(
      { source: context.name, resumed: connection.resumed },
      'subscribed at the broker'
    )
    if (known.join('\n') !== topics.join('\n')) await this.#remember(signal)
  }

  #received(packet: IPublishPacket, next: () => void): void {
    // Not read any more: the broker sends it again to the next run.
    if (this.#stopped) return
    const { inbox, tally, context, key } = this.#options
    if (packet.qos === 1 && packet.messageId !== undefined) {
      const found = this.#acks.add({ messageId: packet.messageId, dup: packet.dup })
      if (found === 'durable') this.#connection?.acknowledge([packet.messageId])
      if (found !== 'new') {
        tally.problem('repeat')
        return next()
      }
    } else {
      this.#acks.addFree()
    }
    const time = context.clock.wallMs()
    inbox.add(messageRecord(packet, { key, deviceKey: context.partitionKey, time }))
    if (packet.payload.length > maxPayloadBytes) tally.problem('cut_message')
    if (inbox.full) void this.#readOn(next)
    else next()
  }

  async #readOn(next: () => void): Promise<void> {
    await this.#options.inbox.room()
    next()
  }

  /** The topics that the session has by what the buffer knows of it. */
  #subscribedBefore(): readonly string[] {
    const position = this.#options.sink.cursors(this.#cursor()).get(this.#cursor())
    return position === undefined ? [] : position.toString().split('\n')
  }

  async #remember(signal: AbortSignal): Promise<void> {
    const { sink, topics, context } = this.#options
    const position = Buffer.from(topics.join('\n'))
    const cursors = [{ source: this.#cursor(), position }]
    const records = noRecords(context.partitionKey)
    await sink.append({ stream: context.stream, records, cursors }, signal)
  }

  #cursor(): string {
    return `${this.#options.context.name}:${this.#options.broker.clientId}`
  }
}

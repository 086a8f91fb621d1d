import { z } from 'zod'
import { attempt, count, flag, pem, pemKey, secret } from '../../../shared/config/fields.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { Inbox } from '../inbox.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import type { BrokerOptions } from './broker-connection.ts'
import type { MqttKey } from './message-record.ts'
import { Subscriber } from './subscriber.ts'

/** What is gathered while an append is under way; then the socket is not read. */
const gatheredBytes = 8 * 1024 * 1024

/** How long the last messages may take to become durable when the agent stops. */
const graceMs = 5000

/** MQTT 3.1.1 section 4.7.1, of at most 1024 characters. */
const topicFilter = /^(?=[^\0\n]{1,1024}$)(?:(?:\+|[^+#/]*)\/)*(?:#|\+|[^+#/]*)$/

const key = z.codec(z.string(), z.custom<MqttKey>(), {
  decode: (text, context) => attempt(context, text, () => parseKey(text)),
  encode: (value) => (typeof value === 'string' ? value : `segment:${value.segment}`)
})

const tls = z.strictObject({
  ca: pem().optional().describe('Authorities to trust instead of those of the system.'),
  cert: pem().optional().describe('Certificate of this agent.'),
  key: pemKey().optional().describe('Its private key.'),
  insecure: flag().prefault(false).describe('Accept any certificate; only for trying things out.')
})

const mqttOptions = z.strictObject({
  mqtt: z
    .string()
    .refine(isBrokerUrl, 'must be mqtt://HOST:PORT or mqtts://HOST:PORT, without user and password')
    .describe('Broker to subscribe at, such as mqtt://127.0.0.1:1883.'),
  topics: z
    .array(z.string().regex(topicFilter, 'must be a topic filter: + a whole level, # the last one'))
    .min(1)
    .max(256)
    .describe('Topic filters, with + and #.'),
  version: z
    .union([z.literal(4), z.literal(5)])
    .prefault(4)
    .describe('Protocol: 4 is MQTT 3.1.1, 5 is MQTT 5.'),
  clientId: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 characters of ASCII without spaces')
    .optional()
    .describe('Name of the session at the broker; else headwater-<partition key>-<source>.'),
  user: z.string().optional().describe('User name at the broker.'),
  password: secret().optional().describe('Its password.'),
  tls: tls.prefault({}).describe('For mqtts://.'),
  key: key
    .prefault('device')
    .describe('Partition key: `device`, `topic`, or `segment:2` for the second part of the topic.'),
  maxInFlight: count({ min: 1, max: 10_000 })
    .prefault(1000)
    .describe(
      'Messages that a broker of MQTT 5 sends ahead of their PUBACK; others have their own.'
    )
})

type MqttOptions = z.output<typeof mqttOptions>

/**
 * Messages of a broker, each acknowledged when it is durable. What was not is sent again by the
 * broker, to this run or the next; so one chunk is under way at a time, and a failed append ends
 * the run.
 */
class MqttSource implements Source {
  readonly name: string
  readonly #options: MqttOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()

  constructor(options: MqttOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
  }

  stats(): SourceStats {
    return this.#tally.stats()
  }

  /** With `--once` there is nothing to be read: nobody can say when a broker has given all. */
  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    const context = this.#context
    if (context.once || signal.aborted) return
    const { topics, key, maxInFlight } = this.#options
    const bounds = { maxBytes: gatheredBytes, maxRecords: 2 * maxInFlight }
    const inbox = new Inbox({ partitionKey: context.partitionKey, ...bounds })
    const broker = this.#broker()
    const tally = this.#tally
    const subscriber = new Subscriber({ context, tally, inbox, sink, broker, topics, key })
    const windDown = new WindDown({ context, sink, signal, graceMs })
    const over = new AbortController()
    const until = AbortSignal.any([signal, over.signal])
    const reading = subscriber.run(until).finally(() => inbox.end())
    try {
      await this.#appendAll(inbox, subscriber, { sink, signal: windDown.signal })
    } finally {
      over.abort()
      await reading
      await subscriber.close()
      windDown.close()
    }
  }

  async #appendAll(
    inbox: Inbox,
    subscriber: Subscriber,
    { sink, signal }: { sink: Appender; signal: AbortSignal }
  ): Promise<void> {
    const { stream } = this.#context
    for (;;) {
      const records = await inbox.take(signal)
      if (!records) return
      try {
        await sink.append({ stream, records, urgent: true }, signal)
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
      this.#tally.took(records)
      subscriber.durable(records.lens.length)
    }
  }

  #broker(): BrokerOptions {
    const { mqtt: url, clientId, version, user, password, tls, maxInFlight } = this.#options
    return {
      url: new URL(url),
      clientId: clientId ?? `headwater-${this.#context.partitionKey}-${this.name}`,
      ...{ version, user, password, tls, maxInFlight }
    }
  }
}

function parseKey(text: string): MqttKey {
  if (text === 'device' || text === 'topic') return text
  const segment = Number(/^segment:([1-9]\d{0,2})$/.exec(text)?.[1])
  if (segment > 0) return { segment }
  throw new HeadwaterError('config', 'key must be device, topic, or segment:N with N from 1')
}

function isBrokerUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '') return false
  return url.username === '' && url.password === ''
}

export const mqtt: SourceType<MqttOptions> = {
  key: 'mqtt',
  summary: 'Subscribes at an MQTT broker and acknowledges what is durable.',
  options: mqttOptions,
  create: (options, context) => new MqttSource(options, context)
}

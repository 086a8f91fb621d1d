import { z } from 'zod'
import type { Clock } from '../../../shared/clock.ts'
import {
  attempt,
  byteSize,
  count,
  duration,
  flag,
  pem,
  pemKey
} from '../../../shared/config/fields.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { isLoopback, type ListenAddress } from '../../../shared/listen-address.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { DatagramPort } from './datagram-port.ts'
import { Listener } from './listener.ts'
import { Peers } from './peers.ts'
import type { Port, Receiver } from './port.ts'
import { StreamPort } from './stream-port.ts'
import { formatSyslogAddress, parseSyslogAddress, type SyslogAddress } from './syslog-address.ts'

const address = z.codec(z.string(), z.custom<SyslogAddress>(), {
  decode: (text, context) => attempt(context, text, () => parseSyslogAddress(text)),
  encode: formatSyslogAddress
})

const tls = z.strictObject({
  cert: pem().describe('Certificate of this agent and those of its issuers.'),
  key: pemKey().describe('Its private key.'),
  ca: pem().optional().describe('Authority whose certificate every sender must show.')
})

const syslogOptions = z.strictObject({
  syslog: z
    // The list first: writing one back, the codec of a single address would be handed all of it.
    .union([z.array(address).min(1).max(16), address])
    .describe('Where messages are taken: udp://, tcp:// or tls://HOST:PORT, or a list of them.'),
  key: z
    .enum(['host', 'device', 'app'])
    .prefault('host')
    .describe(
      'Partition key: the host or app of the message, where it names one; else the device.'
    ),
  raw: flag()
    .prefault(false)
    .describe('Keep messages as they came instead of their fields as JSON.'),
  allow: z
    .array(z.string())
    .prefault([])
    .describe('Addresses that may send, such as 10.0.0.0/8; none given: all.'),
  tls: tls.optional().describe('For tls:// addresses.'),
  insecure: flag()
    .prefault(false)
    .describe('Allow udp:// and tcp:// addresses that other machines can reach.'),
  maxMessage: byteSize({ min: 480, max: 1024 ** 2 })
    .prefault('64 KiB')
    .describe('A longer message is cut to this and marked with the attribute `truncated`.'),
  maxConnections: count({ min: 1, max: 10_000 })
    .prefault(256)
    .describe('Connections at once, at each address.'),
  idle: duration({ min: 1000, max: 7 * 86_400_000 })
    .prefault('24h')
    .describe('A connection without a byte for this long is closed.'),
  recvBuffer: byteSize({ min: 64 * 1024, max: 256 * 1024 ** 2 })
    .prefault('4 MiB')
    .describe('Datagrams that the kernel may hold; it gives net.core.rmem_max at most.')
})

type SyslogOptions = z.output<typeof syslogOptions>

/** Takes syslog messages. Nobody is answered, so senders are only made to wait, where they can be. */
export class SyslogSource implements Source {
  readonly name: string
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #listeners: readonly Listener[]

  constructor(options: SyslogOptions, context: SourceContext) {
    this.name = context.name
    this.#context = context
    const { key, raw } = options
    const shared = { context, tally: this.#tally, peers: new Peers(options.allow), key, raw }
    this.#listeners = addressesOf(options).map((one) => {
      const listener = { ...shared, waits: one.protocol !== 'udp' }
      return new Listener(listener, (receiver) => {
        return portAt(one, options, { receiver, clock: context.clock })
      })
    })
  }

  /** Where it listens while it runs, in the order of the configuration. */
  get addresses(): readonly (ListenAddress | undefined)[] {
    return this.#listeners.map((listener) => listener.address)
  }

  stats(): SourceStats {
    return this.#tally.stats()
  }

  /** With `--once` there is nothing to be read: what would be sent later is not there yet. */
  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (this.#context.once || signal.aborted) return
    const failed = new AbortController()
    const over = AbortSignal.any([signal, failed.signal])
    const runs = this.#listeners.map((listener) =>
      listener.run(sink, over).catch((error: unknown) => {
        failed.abort()
        throw error
      })
    )
    const results = await Promise.allSettled(runs)
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) throw failure.reason
  }
}

function portAt(
  at: SyslogAddress,
  options: SyslogOptions,
  { receiver, clock }: { readonly receiver: Receiver; readonly clock: Clock }
): Port {
  const { maxMessage: maxMessageBytes, maxConnections, idle: idleMs, recvBuffer } = options
  if (at.protocol === 'udp') {
    return new DatagramPort({ address: at, receiver, recvBufferSize: recvBuffer, maxMessageBytes })
  }
  const secure = at.protocol === 'tls' ? options.tls : undefined
  const limits = { maxConnections, maxMessageBytes, idleMs }
  return new StreamPort({ address: at, receiver, clock, tls: secure, ...limits })
}

function addressesOf({ syslog }: SyslogOptions): readonly SyslogAddress[] {
  return Array.isArray(syslog) ? syslog : [syslog]
}

function requireGuarded(at: SyslogAddress, options: SyslogOptions): void {
  const text = formatSyslogAddress(at)
  if (at.protocol === 'tls') {
    if (options.tls) return
    throw new HeadwaterError('config', `${text} needs "tls:" with "cert:" and "key:" beside it`)
  }
  if (isLoopback(at.host) || options.insecure) return
  throw new HeadwaterError(
    'config',
    `${text} can be reached from other machines and is not encrypted; write "insecure: true" beside it if that is meant, or use tls://, or listen on 127.0.0.1`
  )
}

export const syslog: SourceType<SyslogOptions> = {
  key: 'syslog',
  summary: 'Takes syslog messages (RFC 5424, RFC 3164) over UDP, TCP and TLS.',
  options: syslogOptions,
  check: (options) => {
    for (const one of addressesOf(options)) requireGuarded(one, options)
    void new Peers(options.allow)
  },
  create: (options, context) => new SyslogSource(options, context)
}

import { resolve } from 'node:path'
import { z } from 'zod'
import { byteSize, count, duration, flag, listener, name } from '../shared/config/fields.ts'
import { type LoadOptions, loadConfig } from '../shared/config/load-config.ts'
import { isLoopback } from '../shared/listen-address.ts'
import { logLevels } from '../shared/log.ts'
import { authFileKeys, authSchema } from './auth-config.ts'
import { engineSchema, remoteOf } from './engine-config.ts'
import { createLimits } from './engines/engine.ts'
import { requiresCertificates, tlsFileKeys, tlsSchema } from './tls-config.ts'
import { trackersSchema } from './tracker-config.ts'

const hour = 3_600_000

export const streamOptions = z.strictObject({
  shards: count({ min: 1, max: createLimits.shards })
    .prefault(4)
    .describe('Shards it is made with; later they are split and merged.'),
  retention: duration({ min: hour, max: createLimits.retentionHours * hour })
    .prefault('24h')
    .describe('How long records are kept.'),
  maxRecord: byteSize({ min: 1024, max: 10 * 1024 ** 2 })
    .prefault('1 MiB')
    .describe('Largest stream record, partition key and aggregation included.'),
  aggregation: z
    .enum(['kpl', 'per-key', 'off'])
    .prefault('kpl')
    .describe('`per-key`: one partition key an aggregate. `off`: for readers that cannot unpack.')
})

const route = z.strictObject({
  topic: z.string().min(1).describe('MQTT topic filter, with + and #.'),
  stream: name().describe('Stream its records go to.'),
  key: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Partition key: `{device}`, `{1}` for what the first + or # matched, or text. None: `{device}`, of OwnTracks `{1}/{2}`.'
    ),
  as: z
    .enum(['owntracks'])
    .optional()
    .describe('owntracks: what that app sends, as the same records as over HTTP.')
})

const quotaShape = {
  recordsPerSecond: count({ min: 1 }).optional().describe('Records a second; none: no limit.'),
  bytesPerSecond: byteSize({ min: 1 }).optional().describe('Bytes a second; none: no limit.')
}

const lanes = z.strictObject({
  linger: duration({ max: 60_000 })
    .optional()
    .describe('How long a record may wait for others at low load; else the engine says.'),
  share: byteSize({ min: 64 * 1024 })
    .prefault('8 MiB')
    .describe('Most that waits in front of one shard.'),
  aggregate: byteSize({ min: 1024, max: 10 * 1024 ** 2 })
    .prefault('1 MiB')
    .describe('Largest aggregate; the maxRecord of the stream applies as well.')
})

const limits = z.strictObject({
  body: byteSize({ min: 1024 }).prefault('17 MiB').describe('Largest body of an HTTP request.'),
  packet: byteSize({ min: 1024 }).prefault('4 MiB').describe('Largest MQTT packet.'),
  connections: count({ min: 1 }).prefault(20_000).describe('Connections of each front.'),
  sources: count({ min: 1 })
    .prefault(100_000)
    .describe('Senders whose order is remembered; the one silent longest is forgotten first.')
})

const deadlines = z.strictObject({
  answer: duration({ min: 100 })
    .prefault('20s')
    .describe('An HTTP request not durable by then gets 503; its repeat attaches to the work.'),
  body: duration({ min: 100 }).prefault('30s').describe('Time in which a body must arrive.'),
  connect: duration({ min: 100 })
    .prefault('10s')
    .describe('Time in which an MQTT client must send CONNECT.'),
  earlyWait: duration()
    .prefault('200ms')
    .describe('How long a batch that overtook another waits for it.')
})

/** Every key of `gateway.yaml` and every default of the gateway. */
export const gatewaySchema = z
  .strictObject({
    dataDir: z
      .string()
      .min(1)
      .prefault('./headwater-data/gateway')
      .describe('Where streams and devices are kept; relative to the working directory.'),
    engine: engineSchema.prefault('embedded').describe('Where records are stored.'),
    http: listener().prefault('127.0.0.1:8080').describe('Address of the HTTP front, or `off`.'),
    mqtt: listener().prefault('127.0.0.1:1883').describe('Address of the MQTT front, or `off`.'),
    kinesis: listener()
      .prefault('127.0.0.1:4567')
      .describe('Address of the Kinesis API of the embedded engine, or `off`.'),
    kinesisTls: listener()
      .prefault('off')
      .describe('The same over TLS; without `tls` a self-signed certificate is made and kept.'),
    spool: flag()
      .prefault(false)
      .describe('Keep records here first, and carry them on to a remote engine.'),
    tls: tlsSchema.optional().describe('Serve the fronts over TLS.'),
    auth: authSchema
      .prefault('off')
      .describe(
        'devices: every sender needs a token of `devices add`, or a certificate. jwt: a token that somebody else signed does as well. off: on this machine nobody needs one.'
      ),
    insecure: flag()
      .prefault(false)
      .describe(
        'Listen outside loopback without TLS or `auth: devices`; a token is asked for there all the same.'
      ),
    streams: z
      .record(name(), streamOptions)
      .prefault({ telemetry: {} })
      .describe('Streams that are made when they do not exist, by name.'),
    routes: z
      .array(route)
      .prefault([])
      .describe('MQTT topics that become records; first match wins.'),
    pubsub: flag()
      .prefault(false)
      .describe('Pass topics without a route on between MQTT clients, instead of refusing them.'),
    trackers: trackersSchema.prefault({}),
    quotas: z
      .strictObject({
        ...quotaShape,
        devices: z
          .record(name(), z.strictObject(quotaShape))
          .prefault({})
          .describe('Devices with limits of their own, by name.')
      })
      .prefault({}),
    lanes: lanes.prefault({}),
    memory: byteSize({ min: 16 * 1024 ** 2 })
      .prefault('256 MiB')
      .describe(
        'Most that records on their way to the engine take; bodies and packets being read, a quarter more each.'
      ),
    freeDiskFloor: byteSize()
      .prefault('256 MiB')
      .describe('Free space of the disk below which nothing more is taken.'),
    deadlines: deadlines.prefault({}),
    limits: limits.prefault({}),
    log: z
      .strictObject({ level: z.enum(logLevels).prefault('info').describe('What is logged.') })
      .prefault({})
  })
  .superRefine(({ engine, spool }, context) => {
    if (!spool || remoteOf(engine)) return
    const message = 'needs a remote engine to carry records on to: engine: { kinesis: { region } }'
    context.addIssue({ code: 'custom', path: ['spool'], message })
  })
  .superRefine(({ kinesis, insecure }, context) => {
    if (insecure || kinesis === 'off' || isLoopback(kinesis.host)) return
    const message =
      'can be reached from other machines: use "kinesisTls" there, or write "insecure: true"'
    context.addIssue({ code: 'custom', path: ['kinesis'], message })
  })
  .superRefine(({ http, mqtt, trackers, auth, tls, insecure }, context) => {
    if (insecure || (tls && (auth !== 'off' || requiresCertificates(tls)))) return
    const fronts = { http, mqtt, 'trackers.osmand.listen': trackers.osmand.listen }
    for (const [path, address] of Object.entries(fronts)) {
      if (address === 'off' || isLoopback(address.host)) continue
      const message =
        'can be reached from other machines: write "auth: devices" and "tls: { cert, key }", or "insecure: true" to do without'
      context.addIssue({ code: 'custom', path: path.split('.'), message })
    }
  })

/** What the gateway runs with. Durations are milliseconds, sizes bytes. */
export type GatewayConfig = z.output<typeof gatewaySchema>

/** The gateway's configuration from file and flags. Throws `config` with a line for each problem. */
export async function loadGatewayConfig(options: LoadOptions): Promise<GatewayConfig> {
  const keepFiles = [...tlsFileKeys, ...authFileKeys]
  const config = loadConfig(gatewaySchema, { ...options, keepFiles })
  return { ...config, dataDir: resolve(config.dataDir) }
}

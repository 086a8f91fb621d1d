import type { Clock } from '../shared/clock.ts'
import type { Health } from '../shared/health-server.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { Admission } from './admission/admission.ts'
import type { GatewayConfig } from './config.ts'
import { embeddedOf } from './engine-config.ts'
import type { EmbeddedEngine } from './engines/embedded/embedded-engine.ts'
import { KinesisServer } from './engines/embedded/wire/kinesis-server.ts'
import type { StreamAdmin, StreamEngine } from './engines/engine.ts'
import { HttpFront } from './fronts/http/http-front.ts'
import type { HttpListener } from './fronts/http/http-server.ts'
import { MqttFront } from './fronts/mqtt/mqtt-front.ts'
import type { TlsSource } from './fronts/tls/tls-source.ts'
import { RemoteConfigs } from './remote-config/remote-configs.ts'

export interface FrontDependencies {
  readonly admission: Admission
  readonly engine: StreamEngine
  readonly admin?: StreamAdmin | undefined
  /** The engine whose API is served. */
  readonly embedded?: EmbeddedEngine | undefined
  readonly health: Health
  /** Absent: the fronts are in cleartext. */
  readonly tls?: TlsSource | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What listens for senders and readers; those that are off are absent. */
export interface Fronts {
  readonly http?: HttpFront | undefined
  readonly mqtt?: MqttFront | undefined
  readonly kinesis?: KinesisServer | undefined
}

export function createFronts(config: GatewayConfig, dependencies: FrontDependencies): Fronts {
  return {
    http: httpFront(config, dependencies),
    mqtt: mqttFront(config, dependencies),
    kinesis: kinesisServer(config, dependencies)
  }
}

function httpFront(
  { http, trackers, dataDir, limits, deadlines, memory }: GatewayConfig,
  { admission, engine, admin, health, tls, clock, log }: FrontDependencies
): HttpFront | undefined {
  const secure = tls ? { tls } : {}
  const { listen } = trackers.osmand
  const listeners: HttpListener[] = []
  if (http !== 'off') listeners.push({ ...http, ...secure })
  if (listen !== 'off') listeners.push({ ...listen, ...secure, only: 'osmand' })
  if (listeners.length === 0) return undefined
  return new HttpFront({
    listeners,
    trackers,
    admission,
    engine,
    ...(admin ? { admin } : {}),
    health,
    configs: new RemoteConfigs(dataDir),
    limits: {
      headerBytes: 16 * 1024,
      headersTimeoutMs: 10_000,
      bodyTimeoutMs: deadlines.body,
      keepAliveMs: 75_000,
      connections: limits.connections,
      bodyBytes: limits.body,
      poolBytes: Math.max(limits.body, Math.floor(memory / 4)),
      poolWaitMs: 5000,
      deadlineMs: deadlines.answer
    },
    clock,
    log
  })
}

function mqttFront(
  { mqtt, routes, pubsub, trackers, limits, deadlines, memory }: GatewayConfig,
  { admission, tls, clock, random, log }: FrontDependencies
): MqttFront | undefined {
  if (mqtt === 'off') return undefined
  return new MqttFront({
    listeners: [{ ...mqtt, ...(tls ? { tls } : {}) }],
    admission,
    routes,
    pubsub,
    trackerIds: trackers.ids,
    limits: {
      connections: limits.connections,
      connectTimeoutMs: deadlines.connect,
      packetBytes: limits.packet,
      totalPendingBytes: Math.floor(memory / 4)
    },
    clock,
    random,
    log
  })
}

/** What a record may grow by when it is carried on as an aggregate with identity. */
const spoolBytes = 2048

/** A remote engine has an API of its own. */
function kinesisServer(
  { kinesis, kinesisTls, engine, spool, dataDir, limits, memory }: GatewayConfig,
  { embedded, tls, clock, random, log }: FrontDependencies
): KinesisServer | undefined {
  if (!embedded || (kinesis === 'off' && kinesisTls === 'off')) return undefined
  const { limits: throughput, credentials } = embeddedOf(engine)
  const encrypted =
    kinesisTls === 'off' ? undefined : { listen: kinesisTls, ...(tls ? { certificate: tls } : {}) }
  return new KinesisServer({
    context: {
      engine: embedded,
      limits: throughput,
      spareBytes: spool ? spoolBytes : 0,
      clock,
      random,
      log
    },
    ...(kinesis === 'off' ? {} : { listen: kinesis }),
    ...(encrypted ? { tls: encrypted } : {}),
    directory: dataDir,
    ...(credentials ? { credentials } : {}),
    limits: { connections: limits.connections, poolBytes: Math.max(limits.body, memory / 4) }
  })
}

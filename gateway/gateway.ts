import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import type { Component } from '../shared/component.ts'
import { asHeadwaterError } from '../shared/errors.ts'
import type { Health } from '../shared/health-server.ts'
import type { Log } from '../shared/log.ts'
import { renderMetrics } from '../shared/metrics.ts'
import type { Random } from '../shared/random.ts'
import { Authenticator } from './admission/authenticator.ts'
import { DeviceStore } from './admission/device-store.ts'
import { Gate } from './admission/gate.ts'
import { Quota } from './admission/quota.ts'
import type { GatewayConfig } from './config.ts'
import { DeadLetters } from './dead-letters.ts'
import { EmbeddedEngine } from './engines/embedded/embedded-engine.ts'
import type { StreamAdmin, StreamEngine } from './engines/engine.ts'
import { HttpFront } from './fronts/http/http-front.ts'
import { MqttFront } from './fronts/mqtt/mqtt-front.ts'
import { type GatewayStats, gatewayMetrics } from './metrics.ts'
import { reloadable } from './reloadable.ts'
import { Router } from './sharding/router.ts'

export interface GatewayDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** In place of the embedded engine. */
  readonly engine?: StreamEngine & StreamAdmin
}

/**
 * The gateway: fronts -> admission -> sharding -> engine. Started from the end of the flow and
 * stopped from its beginning, so that every stage drains into a living one.
 */
export class Gateway implements Component {
  readonly name = 'gateway'
  readonly #dependencies: GatewayDependencies
  readonly #engine: StreamEngine & StreamAdmin
  readonly #sharding: Router
  readonly #admission: Gate
  readonly #http: HttpFront | undefined
  readonly #mqtt: MqttFront | undefined
  #config: GatewayConfig
  #stopped: Promise<void> | undefined

  constructor(config: GatewayConfig, dependencies: GatewayDependencies) {
    this.#config = config
    this.#dependencies = dependencies
    this.#engine = dependencies.engine ?? embeddedEngine(config, dependencies)
    this.#sharding = new Router(this.#shardingOptions(config))
    this.#admission = this.#gate(config)
    this.#http = this.#httpFront(config)
    this.#mqtt = this.#mqttFront(config)
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#engine.start(signal)
    await this.#createStreams(this.#config)
    await this.#sharding.start()
    await this.#admission.start(signal)
    await this.#mqtt?.start(signal)
    await this.#http?.start(signal)
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /**
   * Takes over new streams, quotas and the log level. Rejects with `config`, changing nothing, when
   * anything else differs.
   */
  async reload(config: GatewayConfig): Promise<void> {
    reloadable(this.#config, config)
    await this.#createStreams(config)
    this.#dependencies.log.level = config.log.level
    this.#config = config
  }

  /** The ports of the fronts, for those who asked for any free one. */
  ports(): { readonly http: number | undefined; readonly mqtt: number | undefined } {
    return { http: this.#http?.ports()[0], mqtt: this.#mqtt?.ports()[0] }
  }

  stats(): GatewayStats {
    return {
      admission: this.#admission.stats(),
      sharding: this.#sharding.stats(),
      ...(this.#http ? { http: this.#http.stats() } : {}),
      ...(this.#mqtt ? { mqtt: this.#mqtt.stats() } : {}),
      ...(this.#engine instanceof EmbeddedEngine ? { engine: this.#engine.stats() } : {})
    }
  }

  async #createStreams({ streams }: GatewayConfig): Promise<void> {
    const existing = await this.#engine.streams()
    for (const [name, { shards, retention, maxRecord }] of Object.entries(streams)) {
      if (existing.includes(name)) continue
      const options = { shards, retentionMs: retention, maxRecordBytes: maxRecord }
      await this.#engine.create(name, options)
      this.#dependencies.log.info({ stream: name, shards }, 'stream created')
    }
  }

  #shardingOptions({ lanes, memory, limits, dataDir }: GatewayConfig) {
    const letters = new DeadLetters(join(dataDir, 'dead-letters.ndjson'))
    return {
      engine: this.#engine,
      ...this.#dependencies,
      ...(lanes.linger === undefined ? {} : { lingerMs: lanes.linger }),
      laneShareBytes: lanes.share,
      maxBytes: memory,
      maxAggregateBytes: lanes.aggregate,
      maxSources: limits.sources,
      aggregation: (stream: string) => ownEntry(this.#config.streams, stream)?.aggregation ?? 'kpl',
      onDeadLetter: (letter: Parameters<DeadLetters['park']>[0]) => letters.park(letter)
    }
  }

  #gate({ dataDir, auth, limits, deadlines, memory }: GatewayConfig): Gate {
    const { clock, log, random } = this.#dependencies
    const store = new DeviceStore(dataDir, { clock, random })
    return new Gate({
      authenticator: new Authenticator({ mode: auth, store, clock, log }),
      quota: new Quota({
        limitsOf: (device) => quotaOf(this.#config, device),
        burstSeconds: 5,
        maxDevices: limits.sources,
        clock
      }),
      sharding: this.#sharding,
      limits: {
        earlyWaitMs: deadlines.earlyWait,
        maxEarly: 64,
        maxSources: limits.sources,
        waitingBytes: Math.floor(memory / 4)
      },
      clock,
      random,
      log
    })
  }

  #httpFront({ http, tls, limits, deadlines, memory }: GatewayConfig): HttpFront | undefined {
    if (http === 'off') return undefined
    const { clock, log } = this.#dependencies
    return new HttpFront({
      listeners: [{ ...http, ...(tls ? { tls } : {}) }],
      admission: this.#admission,
      engine: this.#engine,
      admin: this.#engine,
      health: this.#health(),
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

  #mqttFront({
    mqtt,
    tls,
    routes,
    pubsub,
    limits,
    deadlines,
    memory
  }: GatewayConfig): MqttFront | undefined {
    if (mqtt === 'off') return undefined
    const { clock, random, log } = this.#dependencies
    return new MqttFront({
      listeners: [{ ...mqtt, ...(tls ? { tls } : {}) }],
      admission: this.#admission,
      routes,
      pubsub,
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

  #health(): Health {
    return {
      notReady: async () => {
        if (this.#stopped) return ['the gateway is stopping']
        try {
          await this.#engine.streams()
          return []
        } catch (error) {
          return [`the engine does not answer: ${asHeadwaterError(error).message}`]
        }
      },
      metrics: () => renderMetrics(gatewayMetrics, this.stats())
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    const errors: unknown[] = []
    const note = (error: unknown) => errors.push(error)
    await Promise.all([
      this.#http?.stop(deadline).catch(note),
      this.#mqtt?.stop(deadline).catch(note)
    ])
    for (const part of [this.#admission, this.#sharding, this.#engine]) {
      await part.stop(deadline).catch(note)
    }
    if (errors.length > 0) throw new AggregateError(errors, 'the gateway did not stop cleanly')
  }
}

function embeddedEngine(
  config: GatewayConfig,
  { clock, log }: GatewayDependencies
): EmbeddedEngine {
  const { dataDir, freeDiskFloor } = config
  return new EmbeddedEngine({ directory: dataDir, freeDiskFloorBytes: freeDiskFloor, clock, log })
}

function quotaOf({ quotas }: GatewayConfig, device: string) {
  const { recordsPerSecond, bytesPerSecond } = ownEntry(quotas.devices, device) ?? quotas
  if (recordsPerSecond === undefined && bytesPerSecond === undefined) return undefined
  return {
    ...(recordsPerSecond === undefined ? {} : { recordsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond })
  }
}

/** A device or a stream may be called `constructor`. */
function ownEntry<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

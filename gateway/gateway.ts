import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import type { Component } from '../shared/component.ts'
import { asHeadwaterError } from '../shared/errors.ts'
import type { Health } from '../shared/health-server.ts'
import type { Log } from '../shared/log.ts'
import { renderMetrics } from '../shared/metrics.ts'
import type { Random } from '../shared/random.ts'
import type { Gate } from './admission/gate.ts'
import type { GatewayConfig } from './config.ts'
import { createEngine, type EngineParts } from './create-engine.ts'
import { createFronts, type Fronts } from './create-fronts.ts'
import { createGate } from './create-gate.ts'
import { DeadLetters } from './dead-letters.ts'
import type { StreamAdmin, StreamEngine } from './engines/engine.ts'
import type { GatewayStats } from './gateway-stats.ts'
import { makeStreams } from './make-streams.ts'
import { gatewayMetrics } from './metrics.ts'
import { ownEntry } from './own-entry.ts'
import { reloadable } from './reloadable.ts'
import { Router } from './sharding/router.ts'
import type { ShardingOptions } from './sharding/sharding-options.ts'
import { Forwarder } from './spool/forwarder.ts'
import { CertificateWatch } from './tls/certificate-watch.ts'

export interface GatewayDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** In place of the one that the configuration names. */
  readonly engine?: StreamEngine & StreamAdmin
}

/**
 * The gateway: fronts -> admission -> sharding -> engine. Started from the end of the flow and
 * stopped from its beginning, so that every stage drains into a living one.
 */
export class Gateway implements Component {
  readonly name = 'gateway'
  readonly #dependencies: GatewayDependencies
  readonly #parts: Pick<EngineParts, 'engine' | 'admin' | 'embedded' | 'beyond'>
  readonly #forwarder: Forwarder | undefined
  readonly #sharding: Router
  readonly #admission: Gate
  readonly #certificates: CertificateWatch | undefined
  readonly #fronts: Fronts
  #config: GatewayConfig
  #stopped: Promise<void> | undefined

  constructor(config: GatewayConfig, dependencies: GatewayDependencies) {
    this.#config = config
    this.#dependencies = dependencies
    const { engine } = dependencies
    this.#parts = engine ? { engine, admin: engine } : createEngine(config, dependencies)
    this.#forwarder = this.#newForwarder(config)
    this.#sharding = new Router(this.#shardingOptions(config, this.#parts.engine))
    this.#admission = createGate(() => this.#config, {
      ...dependencies,
      sharding: this.#sharding
    })
    this.#certificates = config.tls && new CertificateWatch(config.tls, dependencies)
    this.#fronts = createFronts(config, {
      ...dependencies,
      ...this.#parts,
      admission: this.#admission,
      health: this.#health(),
      tls: this.#certificates
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#certificates?.start()
    const { engine, beyond } = this.#parts
    await engine.start(signal)
    await this.#makeStreams(this.#config)
    await beyond?.engine.start(signal)
    await this.#forwarder?.start(signal)
    await this.#sharding.start()
    await this.#admission.start(signal)
    const { kinesis, mqtt, http } = this.#fronts
    await kinesis?.start(signal)
    await mqtt?.start(signal)
    await http?.start(signal)
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /**
   * Takes over new streams, quotas, the log level and certificates. Rejects with `config`, changing
   * nothing, when anything else differs or a certificate cannot be used.
   */
  async reload(config: GatewayConfig): Promise<void> {
    reloadable(this.#config, config)
    if (config.tls) await this.#certificates?.reload(config.tls)
    await this.#makeStreams(config)
    this.#dependencies.log.level = config.log.level
    this.#config = config
  }

  /** The ports of the fronts, for those who asked for any free one. */
  ports(): {
    readonly http: number | undefined
    readonly mqtt: number | undefined
    /** Cleartext first, then TLS, as far as they are configured. */
    readonly kinesis: readonly number[]
  } {
    const { http, mqtt, kinesis } = this.#fronts
    return {
      http: this.#config.http === 'off' ? undefined : http?.ports()[0],
      mqtt: mqtt?.ports()[0],
      kinesis: kinesis?.ports() ?? []
    }
  }

  stats(): GatewayStats {
    const { http, mqtt, kinesis } = this.#fronts
    return {
      admission: this.#admission.stats(),
      sharding: this.#sharding.stats(),
      ...(this.#certificates ? { certificate: this.#certificates.stats() } : {}),
      ...(http ? { http: http.stats() } : {}),
      ...(mqtt ? { mqtt: mqtt.stats() } : {}),
      ...(kinesis ? { kinesis: kinesis.stats() } : {}),
      ...(this.#parts.embedded ? { engine: this.#parts.embedded.stats() } : {}),
      ...(this.#forwarder ? { spool: this.#forwarder.stats() } : {})
    }
  }

  #makeStreams(config: GatewayConfig): Promise<void> {
    return makeStreams(config, { ...this.#parts, log: this.#dependencies.log })
  }

  /** It has lanes of its own, so that what waits for a bad link takes no memory from the fronts. */
  #newForwarder(config: GatewayConfig): Forwarder | undefined {
    const { embedded, beyond } = this.#parts
    if (!embedded || !beyond) return undefined
    const { memory } = config
    return new Forwarder({
      ...this.#dependencies,
      local: embedded,
      holds: beyond.holds,
      sharding: new Router({
        ...this.#shardingOptions(config, beyond.engine),
        maxBytes: Math.floor(memory / 4)
      })
    })
  }

  #shardingOptions(
    { lanes, memory, limits, dataDir }: GatewayConfig,
    engine: StreamEngine
  ): ShardingOptions {
    const letters = new DeadLetters(join(dataDir, 'dead-letters.ndjson'))
    return {
      ...this.#dependencies,
      engine,
      ...(lanes.linger === undefined ? {} : { lingerMs: lanes.linger }),
      laneShareBytes: lanes.share,
      maxBytes: memory,
      maxAggregateBytes: lanes.aggregate,
      maxSources: limits.sources,
      aggregation: (stream: string) => ownEntry(this.#config.streams, stream)?.aggregation ?? 'kpl',
      onDeadLetter: (letter) => letters.park(letter)
    }
  }

  #health(): Health {
    return {
      notReady: async () => {
        if (this.#stopped) return ['the gateway is stopping']
        try {
          await this.#parts.engine.streams()
          return this.#sharding.troubles()
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
    const { http, mqtt, kinesis } = this.#fronts
    await Promise.all([http, mqtt, kinesis].map(async (front) => front?.stop(deadline).catch(note)))
    const { engine, beyond } = this.#parts
    await this.#certificates?.stop()
    const flow = [this.#admission, this.#sharding, this.#forwarder, beyond?.engine, engine]
    for (const part of flow) await part?.stop(deadline).catch(note)
    if (errors.length > 0) throw new AggregateError(errors, 'the gateway did not stop cleanly')
  }
}

import { pid } from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import type { Readable } from 'node:stream'
import type { Clock } from '../shared/clock.ts'
import type { Component } from '../shared/component.ts'
import { HeadwaterError } from '../shared/errors.ts'
import { type Health, HealthServer } from '../shared/health-server.ts'
import type { Log } from '../shared/log.ts'
import { renderMetrics } from '../shared/metrics.ts'
import type { Random } from '../shared/random.ts'
import type { ClockWatch } from './clock/clock-watch.ts'
import type { DeviceTime } from './clock/device-time.ts'
import type { AgentBuffer } from './buffer/buffer.ts'
import { SqliteBuffer } from './buffer/sqlite-buffer.ts'
import type { AgentConfig } from './config.ts'
import { type AgentStatus, samplesOf } from './control/agent-status.ts'
import { ControlServer } from './control/control-server.ts'
import { Taps } from './control/taps.ts'
import { agentMetrics, type AgentStats } from './metrics.ts'
import { createClock } from './create-clock.ts'
import { createLink } from './create-link.ts'
import { createSender } from './create-sender.ts'
import { holdText } from './link/link-stats.ts'
import type { LinkPolicy } from './link/link-policy.ts'
import type { Sender } from './sender/sender.ts'
import { SourceSet } from './source-set.ts'

export interface AgentDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly stdin: () => Readable
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * The agent: sources -> buffer -> sender. Started from the end of the flow and stopped from its
 * beginning, so that every stage drains into a living one.
 */
export class Agent implements Component {
  readonly name = 'agent'
  readonly #dependencies: AgentDependencies
  readonly #clock: ClockWatch
  readonly #buffer: AgentBuffer
  readonly #sources: SourceSet
  readonly #health: HealthServer | undefined
  readonly #control: ControlServer
  readonly #link: LinkPolicy
  #config: AgentConfig
  #sender: Sender
  /** One at a time, in the order in which they were asked for. */
  #reloading: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(config: AgentConfig, dependencies: AgentDependencies) {
    this.#config = config
    this.#dependencies = dependencies
    this.#clock = createClock(dependencies)
    const { time } = this.#clock
    this.#buffer = createBuffer(config, dependencies, time)
    this.#link = createLink(config, dependencies)
    this.#sender = this.#createSender(config)
    const taps = new Taps()
    this.#sources = new SourceSet(this.#buffer, {
      ...dependencies,
      taps,
      tellTime: (timeMs) => time.tell(timeMs)
    })
    const { dataDir } = config
    const status = () => this.#status()
    this.#control = new ControlServer({ ...dependencies, dataDir, status, taps })
    const { listen } = config.health
    const health = this.#healthOf()
    if (listen !== 'off')
      this.#health = new HealthServer({ address: listen, flag: '--health', health })
  }

  /** Rejects with `config` when the file of the token cannot be read. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#config.token?.read()
    await this.#health?.start()
    await this.#clock.start()
    await this.#buffer.start(signal)
    await this.#control.start()
    await this.#link.start()
    await this.#sender.start()
    await this.#sources.apply(this.#config)
  }

  /**
   * Resolves, under `once`, when there is nothing left to do. Rejects with `no_input` when a source
   * has nothing to read and never will.
   */
  async finished(signal: AbortSignal): Promise<void> {
    const { failed } = this.#sources
    const failure = new Promise<never>((_, reject) => {
      const fail = () => reject(failed.reason)
      if (failed.aborted) fail()
      else failed.addEventListener('abort', fail, { once: true })
    })
    await (this.#config.once ? Promise.race([failure, this.#idle(signal)]) : failure)
  }

  /** Resolves when all sources are at their end and everything is settled at the gateway. */
  async #idle(signal: AbortSignal): Promise<void> {
    for (let sender: Sender | undefined; sender !== this.#sender && !signal.aborted; ) {
      sender = this.#sender
      await this.#sources.ended()
      await sender.idle(signal)
      // A reload may have put another sender in its place.
      await this.#reloading
    }
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /**
   * Takes over what can change while running: sources, the gateways and how they are spoken to.
   * Rejects with `config`, changing nothing, when something else differs.
   */
  reload(config: AgentConfig): Promise<void> {
    const turn = this.#reloading.then(() => this.#reload(config))
    this.#reloading = turn.catch(() => undefined)
    return turn
  }

  async #reload(config: AgentConfig): Promise<void> {
    for (const key of [
      'dataDir',
      'device',
      'buffer',
      'streams',
      'link',
      'health',
      'once'
    ] as const) {
      if (isDeepStrictEqual(config[key], this.#config[key])) continue
      throw new HeadwaterError('config', `"${key}" cannot change while the agent runs; restart it`)
    }
    await config.token?.read()
    const senderChanged = (['to', 'token', 'format', 'gzip', 'tls', 'sender'] as const).some(
      (key) => !isDeepStrictEqual(config[key], this.#config[key])
    )
    this.#config = config
    this.#dependencies.log.level = config.log.level
    if (senderChanged) {
      await this.#sender.stop(AbortSignal.abort())
      this.#sender = this.#createSender(config)
      await this.#sender.start()
    }
    await this.#sources.apply(config)
  }

  #createSender(config: AgentConfig): Sender {
    return createSender(config, this.#buffer, { ...this.#dependencies, link: this.#link })
  }

  stats(): AgentStats {
    return {
      buffer: this.#buffer.stats(),
      sender: this.#sender.stats(),
      link: this.#link.stats(),
      clock: this.#clock.time.stats(),
      sources: this.#sources.stats()
    }
  }

  #status(): AgentStatus {
    const { device, to: gateways, sources } = this.#config
    const metrics = samplesOf(agentMetrics, this.stats())
    return { device, pid, gateways, sources: Object.keys(sources), metrics }
  }

  #healthOf(): Health {
    return {
      notReady: async () => {
        const { buffer, sender } = this.stats()
        return [
          ...(buffer.mode === 'memory' ? ['the disk is unusable, records wait in memory'] : []),
          ...(sender.unauthorized
            ? ['the gateway refuses this device: check its id and token']
            : []),
          ...(this.#stopped ? ['the agent is stopping'] : [])
        ]
      },
      notes: () =>
        this.#link
          .stats()
          .held.map(
            ({ stream, reason }) => `stream ${stream} waits as configured: ${holdText[reason]}`
          ),
      metrics: () => renderMetrics(agentMetrics, this.stats())
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    await this.#reloading
    const steps = [
      this.#sources,
      this.#sender,
      this.#link,
      this.#control,
      this.#buffer,
      this.#clock,
      this.#health
    ]
    const errors: unknown[] = []
    for (const step of steps) {
      await step?.stop(deadline).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'the agent did not stop cleanly')
  }
}

function createBuffer(
  config: AgentConfig,
  { clock, random, log }: AgentDependencies,
  time: DeviceTime
): AgentBuffer {
  const { buffer, streams } = config
  return new SqliteBuffer({
    directory: config.dataDir,
    device: config.device,
    overflow: (stream) => streams[stream]?.overflow ?? 'drop-oldest',
    frameBytes: buffer.frame,
    segmentBytes: buffer.segment,
    capBytes: buffer.cap,
    freeDiskFloorBytes: buffer.freeDiskFloor,
    commitAgeMs: buffer.commitAge,
    pageSize: buffer.pageSize,
    compression: buffer.compression,
    ringBytes: buffer.ring.bytes,
    ringRecords: buffer.ring.records,
    deadLetterBytes: buffer.deadLetters,
    clock,
    time,
    random,
    log
  })
}

import type { Socket } from 'node:net'
import { aborted } from '../../../shared/aborted.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { Component } from '../../../shared/component.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import type { Admission } from '../../admission/admission.ts'
import type { TrackerIds } from '../trackers/tracker-ids.ts'
import { Broker } from './broker.ts'
import { Connection } from './connection.ts'
import type { FrontParts } from './front-parts.ts'
import { Greeter } from './greeting.ts'
import { Listeners, type MqttListener } from './listeners.ts'
import { defaultMqttLimits, type MqttLimits } from './mqtt-limits.ts'
import { Qos2Store } from './qos2-store.ts'
import { PendingPool } from './pending-pool.ts'
import { Refusals } from './refusals.ts'
import { type Route, Routes } from './routes.ts'
import { Tally } from './tally.ts'
import { TopicRules } from './topic-rules.ts'

export interface MqttFrontOptions {
  readonly listeners: readonly MqttListener[]
  readonly admission: Admission
  /** Tried in order, before `streams/<stream>/<key>`. */
  readonly routes: readonly Route[]
  /** Topics without a route are passed between clients instead of refused; nothing of it is kept. */
  readonly pubsub?: boolean
  /** Trackers that a device may send for; `any` by default. */
  readonly trackerIds?: TrackerIds
  /** What is left out is as in `defaultMqttLimits`. */
  readonly limits: Partial<MqttLimits>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface MqttFrontStats {
  /** Open now. */
  readonly connections: number
  /** Open now and not read, because too much of it or of all waits for an answer. */
  readonly paused: number
  /** How often a connection was stopped for that. */
  readonly pauses: number
  /** Held for messages without an answer. */
  readonly pendingBytes: number
  readonly accepted: number
  /** Closed unheard, because there were too many. */
  readonly turnedAway: number
  /** By the reason of the end. */
  readonly closed: Readonly<Record<string, number>>
  /** PUBLISH packets, batches of agents among them. */
  readonly messages: number
  readonly batches: number
  /** Messages refused for good, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** Messages of QoS 0 and wills that were given up: throttled, or their connection broke first. */
  readonly droppedQos0: number
  /** Absent clients whose QoS 2 state was forgotten, because there were too many. */
  readonly forgottenSessions: number
}

/** How often the clocks of the connections are looked at. Milliseconds. */
const tickMs = 500

/** MQTT 3.1.1 in: plain messages by route, batches of agents, and what is between clients. */
export class MqttFront implements Component {
  readonly name = 'mqtt front'
  readonly #listeners: Listeners
  readonly #wanted: readonly MqttListener[]
  readonly #parts: FrontParts
  /** Until the socket is gone and admission holds nothing of it. */
  readonly #connections = new Set<Connection>()
  /** Ends what goes on after a connection did. */
  readonly #giveUp = new AbortController()
  readonly #ticking = new AbortController()
  #stopped: Promise<void> | undefined

  /** Throws `config` for a route that cannot work. */
  constructor(options: MqttFrontOptions) {
    const { admission, routes, pubsub = false, trackerIds = 'any' } = options
    const { clock, random, log } = options
    const limits = { ...defaultMqttLimits, ...options.limits }
    const rules = new TopicRules(new Routes(routes), { pubsub, trackerIds })
    const refusals = new Refusals(clock, log)
    const tally = new Tally()
    this.#wanted = options.listeners
    this.#parts = {
      admission,
      broker: pubsub ? new Broker(log) : undefined,
      greeter: new Greeter({ admission, rules, random, refusals }),
      rules,
      refusals,
      qos2: new Qos2Store(limits.qos2Sessions),
      pool: new PendingPool(limits.totalPendingBytes),
      clients: new Map(),
      tally,
      limits,
      clock,
      random,
      log,
      giveUp: this.#giveUp.signal
    }
    this.#listeners = new Listeners({
      clock,
      log,
      maxConnections: limits.connections,
      handshakeTimeoutMs: limits.connectTimeoutMs,
      onSocket: (socket) => this.#accept(socket),
      onTurnedAway: () => {
        tally.turnedAway += 1
      }
    })
  }

  /** Rejects with `port_taken` or `config`; then nothing listens. */
  async start(signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted()
      await this.#parts.broker?.start()
      for (const listener of this.#wanted) {
        signal.throwIfAborted()
        await this.#listeners.open(listener)
      }
    } catch (error) {
      await this.stop(AbortSignal.abort())
      throw error
    }
    void this.#tick()
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /** Ports in the order of the listeners. */
  ports(): readonly number[] {
    return this.#listeners.ports
  }

  stats(): MqttFrontStats {
    const { pool, tally, refusals, qos2 } = this.#parts
    const open = [...this.#connections].filter((connection) => connection.isOpen)
    return {
      connections: open.length,
      paused: open.filter((connection) => connection.isPaused).length,
      pauses: pool.pauses,
      pendingBytes: pool.usedBytes,
      accepted: tally.accepted,
      turnedAway: tally.turnedAway,
      closed: tally.closed,
      messages: tally.messages,
      batches: tally.batches,
      refused: refusals.counts,
      droppedQos0: tally.droppedQos0,
      forgottenSessions: qos2.evicted
    }
  }

  #accept(socket: Socket): void {
    if (this.#stopped) {
      socket.destroy()
      return
    }
    const { tally, limits } = this.#parts
    // Each listener has this limit of its own; together they must not exceed it either.
    if (this.#connections.size >= limits.connections) {
      tally.turnedAway += 1
      socket.destroy()
      return
    }
    tally.accepted += 1
    const connection = new Connection(this.#parts, socket)
    this.#connections.add(connection)
    socket.on('close', () => {
      connection.whenAnswered(() => this.#connections.delete(connection))
    })
  }

  async #tick(): Promise<void> {
    const { clock, pool } = this.#parts
    const { signal } = this.#ticking
    while (!signal.aborted) {
      await clock.sleep(tickMs, signal)
      const nowMs = clock.monoMs()
      for (const connection of this.#connections) connection.tick(nowMs)
      pool.tick()
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    const listenersClosed = this.#listeners.close()
    const connections = [...this.#connections]
    await Promise.race([
      Promise.all(connections.map((connection) => connection.drain())),
      aborted(deadline)
    ])
    this.#giveUp.abort()
    for (const connection of this.#connections) connection.close('stopping')
    await Promise.race([listenersClosed, aborted(deadline)])
    this.#listeners.destroy()
    await listenersClosed
    this.#ticking.abort()
    await this.#parts.broker?.close()
  }
}

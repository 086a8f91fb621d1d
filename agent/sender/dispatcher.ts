import { setMaxListeners } from 'node:events'
import type { Clock } from '../../shared/clock.ts'
import { type AckCode, asHeadwaterError, type HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type { FrameStore } from '../buffer/buffer.ts'
import type { Bell } from './bell.ts'
import { Counters } from './counters.ts'
import type { Piece } from './frame-reader.ts'
import { LaneSet } from './lane-set.ts'
import { Link } from './link.ts'
import { Pacer } from './pacer.ts'
import type { NewestFirst } from './newest-first.ts'
import { type BackoffBounds, Pause } from './pause.ts'
import type { Candidate } from './round.ts'
import { Releases } from './releases.ts'
import type { SendGate } from './send-gate.ts'
import type { Shipment, StreamLane } from './stream-lane.ts'
import type { Transport } from './transports/transport.ts'
import { type Verdict, verdictOf, verdictOnFailure } from './verdicts.ts'
import { Window, type WindowLimits } from './window.ts'

export interface DispatcherOptions {
  readonly store: FrameStore
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly window: WindowLimits
  readonly backoff?: BackoffBounds | undefined
  readonly newestFirst?: NewestFirst | undefined
  /** Absent: nothing is kept back. */
  readonly gate?: SendGate | undefined
  /** Rings when there is something to `advance`. */
  readonly bell: Bell
}

/** Chooses what leaves next, over all streams, and hands every answer to the lane it belongs to. */
export class Dispatcher {
  readonly window: Window
  readonly link: Link
  readonly counters = new Counters()
  readonly #options: DispatcherOptions
  readonly #lanes: LaneSet
  readonly #releases: Releases
  readonly #pacer = new Pacer()
  readonly #learned = { maxBatchBytes: Number.POSITIVE_INFINITY }
  readonly #abandoned = new AbortController()

  constructor(options: DispatcherOptions) {
    this.#options = options
    // One listener for each batch in flight; the default is a warning at eleven.
    setMaxListeners(0, this.#abandoned.signal)
    this.window = new Window(options.window)
    this.link = new Link(new Pause(options), options.log)
    this.#releases = new Releases(options)
    this.#lanes = new LaneSet({
      ...options,
      releases: this.#releases,
      window: this.window,
      limits: options.window,
      counters: this.counters,
      learned: this.#learned
    })
  }

  /** Nothing is on its way, and the buffer knows of all that is settled; or all was abandoned. */
  get settled(): boolean {
    if (this.#abandoned.signal.aborted) return true
    return this.window.frames === 0 && this.#releases.pending === 0
  }

  get heldStreams(): { stream: string; code: AckCode }[] {
    return this.#lanes.heldStreams
  }

  /** Milliseconds until `fill` may be able to do more although nothing new has come. */
  get waitMs(): number {
    const gated = this.#options.store.streams().map((stream) => this.#gatedMs(stream))
    const pacedMs = this.#pacer.waitMs(this.#options.clock.monoMs())
    const waits = [this.link.waitMs, pacedMs, ...this.#lanes.waitsMs, ...gated]
    return Math.min(...waits.map((ms) => (ms > 0 ? ms : Number.POSITIVE_INFINITY)))
  }

  /** Acts on the answers that have come. */
  advance(): void {
    this.#lanes.advance()
  }

  /** Sends what may be sent now. */
  async fill(signal: AbortSignal): Promise<void> {
    const round = await this.#lanes.round(this.link.probing, (lane) => this.#peek(lane))
    while (this.#open) {
      const next = await round.next()
      if (!next || signal.aborted || !this.window.fits(next.piece.frame.body.length)) return
      round.taken(next)
      this.#send(next)
    }
  }

  /** Waits for no answer and no release any more. */
  abandon(): void {
    this.#abandoned.abort()
    this.#releases.abandon()
    this.#options.bell.ring()
  }

  get #open(): boolean {
    if (this.window.full || this.#releases.full || this.link.waitMs > 0) return false
    if (this.link.probing && this.window.frames > 0) return false
    return this.#pacer.waitMs(this.#options.clock.monoMs()) === 0
  }

  #gatedMs(stream: string): number {
    return this.#options.gate?.waitMs(stream) ?? 0
  }

  async #peek(lane: StreamLane): Promise<Piece | undefined> {
    try {
      if (this.#gatedMs(lane.stream) > 0) return undefined
      return await lane.peek()
    } catch (error) {
      lane.defer(error)
      return undefined
    }
  }

  #send({ lane, piece }: Candidate): void {
    const { store, transport, clock } = this.#options
    const shipment = lane.ship(piece, this.link.attempt)
    const header = lane.headerOf(store.currentHeader(piece.frame))
    const frame = { ...piece.frame, header }
    const movedBefore = transport.bytesMoved()
    this.#pacer.spend(frame.body.length, clock.monoMs())
    transport.send(frame, this.#abandoned.signal).then(
      (ack) => this.#answered(shipment, ack),
      (thrown: unknown) => {
        const moved = transport.bytesMoved() > movedBefore
        this.#failed(shipment, asHeadwaterError(thrown, 'transport'), moved)
      }
    )
  }

  #answered(shipment: Shipment, ack: Ack): void {
    this.counters.lastAckAtMs = this.#options.clock.monoMs()
    this.#pacer.set(ack.pace?.bytesPerSecond)
    if (ack.limits) this.#learned.maxBatchBytes = ack.limits.maxBatchBytes
    const verdict = verdictOf(ack, shipment.piece.frame.header)
    this.link.note(verdict, shipment.attempt)
    this.#judge(shipment, verdict)
  }

  #failed(shipment: Shipment, error: HeadwaterError, moved: boolean): void {
    const verdict = verdictOnFailure(error)
    // A frame that cannot be read says nothing of the link.
    const news = verdict.kind !== 'settled' && this.link.note(verdict, shipment.attempt)
    if (news && verdict.kind === 'lost') {
      this.counters.transportFailures += 1
      // Where no byte moved it was the link, and where something answered, the batch had passed.
      shipment.blamed = moved && error.code === 'transport'
    }
    this.#judge(shipment, verdict)
  }

  #judge(shipment: Shipment, verdict: Verdict): void {
    shipment.verdict = verdict
    this.#options.bell.ring()
  }
}

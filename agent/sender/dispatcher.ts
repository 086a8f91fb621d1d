import { setMaxListeners } from 'node:events'
import type { Clock } from '../../shared/clock.ts'
import { type AckCode, asHeadwaterError, type HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type { FrameStore, StoredFrame } from '../buffer/buffer.ts'
import type { Bell } from './bell.ts'
import { Counters } from './counters.ts'
import { FrameReader, type LearnedLimits } from './frame-reader.ts'
import { Link } from './link.ts'
import { Pacer } from './pacer.ts'
import { type BackoffBounds, Pause } from './pause.ts'
import { Releases } from './releases.ts'
import { type Shipment, StreamLane } from './stream-lane.ts'
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
  /** Rings when there is something to `advance`. */
  readonly bell: Bell
}

/** Chooses what leaves next, over all streams, and hands every answer to the lane it belongs to. */
export class Dispatcher {
  readonly window: Window
  readonly link: Link
  readonly counters = new Counters()
  readonly #options: DispatcherOptions
  readonly #lanes = new Map<string, StreamLane>()
  readonly #releases: Releases
  readonly #pacer = new Pacer()
  readonly #learned: LearnedLimits = { maxBatchBytes: Number.POSITIVE_INFINITY }
  readonly #abandoned = new AbortController()

  constructor(options: DispatcherOptions) {
    this.#options = options
    // One listener for each batch in flight; the default is a warning at eleven.
    setMaxListeners(0, this.#abandoned.signal)
    this.window = new Window(options.window)
    this.link = new Link(new Pause(options), options.log)
    this.#releases = new Releases(options)
  }

  /** Nothing is on its way, and the buffer knows of all that is settled; or all was abandoned. */
  get settled(): boolean {
    if (this.#abandoned.signal.aborted) return true
    return this.window.frames === 0 && this.#releases.pending === 0
  }

  get heldStreams(): { stream: string; code: AckCode }[] {
    return [...this.#lanes].flatMap(([stream, { heldFor }]) =>
      heldFor ? [{ stream, code: heldFor }] : []
    )
  }

  /** Milliseconds until `fill` may be able to do more although nothing new has come. */
  get waitMs(): number {
    const lanes = [...this.#lanes.values()].map((lane) => lane.waitMs)
    const waits = [this.link.waitMs, this.#pacer.waitMs(this.#options.clock.monoMs()), ...lanes]
    return Math.min(...waits.map((ms) => (ms > 0 ? ms : Number.POSITIVE_INFINITY)))
  }

  /** Acts on the answers that have come. */
  advance(): void {
    const streams = new Set(this.#options.store.streams())
    for (const [stream, lane] of this.#lanes) {
      lane.advance()
      if (lane.empty && !streams.has(stream)) this.#lanes.delete(stream)
    }
  }

  /** Sends what may be sent now, the stream with the oldest frame first. */
  async fill(signal: AbortSignal): Promise<void> {
    for (const lane of this.#inTurn()) {
      for (;;) {
        if (!this.#open) return
        const piece = await this.#peek(lane)
        if (!piece) break
        if (signal.aborted || !this.window.fits(piece.frame.body.length)) return
        this.#send(lane.ship(piece, this.link.attempt))
      }
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

  #inTurn(): StreamLane[] {
    const lanes = this.#options.store.streams().map((stream) => this.#laneOf(stream))
    if (!this.link.probing) return lanes
    // What is in trouble may be what cuts the connection, so others try the way first.
    return [...lanes.filter((lane) => !lane.troubled), ...lanes.filter((lane) => lane.troubled)]
  }

  #laneOf(stream: string): StreamLane {
    const known = this.#lanes.get(stream)
    if (known) return known
    const { store, log } = this.#options
    const releases = this.#releases
    const lane = new StreamLane({
      stream,
      reader: new FrameReader({ stream, store, releases, learned: this.#learned }),
      pause: new Pause(this.#options),
      releases,
      window: this.window,
      counters: this.counters,
      log
    })
    this.#lanes.set(stream, lane)
    return lane
  }

  async #peek(lane: StreamLane): ReturnType<StreamLane['peek']> {
    try {
      return await lane.peek()
    } catch (error) {
      lane.defer(error)
      return undefined
    }
  }

  #send(shipment: Shipment): void {
    const { transport, clock } = this.#options
    const frame = this.#current(shipment.piece.frame)
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

  /** What was settled since the frame was read is final for the gateway too. */
  #current(frame: StoredFrame): StoredFrame {
    const { stream, epoch, first } = frame.header
    const floor = Math.min(this.#options.store.floor(stream, epoch), first)
    return { ...frame, header: { ...frame.header, floor } }
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

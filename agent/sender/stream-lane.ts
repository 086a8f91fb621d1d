import type { AckCode } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { Parked } from '../buffer/buffer.ts'
import type { Counters } from './counters.ts'
import type { FrameReader, Piece } from './frame-reader.ts'
import type { Pause } from './pause.ts'
import type { Releases } from './releases.ts'
import type { Verdict } from './verdicts.ts'
import type { Window, WindowLimits } from './window.ts'

/** So many times in a row the connection may die on a piece before it is cut in two. */
const deathsBeforeSplit = 5

/** A piece on its way, until it and all before it are answered. */
export interface Shipment {
  readonly piece: Piece
  /** The link's attempt and the lane's progress at the time it was sent. */
  readonly attempt: number
  readonly progress: number
  verdict?: Verdict
  /** The connection died, and this was the oldest batch on it. */
  blamed?: boolean
}

export interface StreamLaneOptions {
  readonly stream: string
  readonly reader: FrameReader
  readonly pause: Pause
  readonly releases: Releases
  readonly window: Window
  /** Of this lane alone; absent: all of the window. */
  readonly room?: WindowLimits | undefined
  /** The stream has frames of other lanes, too. */
  readonly laned: boolean
  readonly counters: Counters
  readonly log: Log
}

/**
 * One stream on its way: frames leave in order and are settled in order.
 *
 *   sending --a batch is refused or lost--> ending: nothing more leaves
 *   ending  --all in flight are answered--> rewound: back to the oldest that is not settled
 *   rewound --pause is over--> one batch --settled--> sending
 *
 * What is not in flight is not kept here but read again, so a stream that waits or is held costs
 * neither memory nor window.
 */
export class StreamLane {
  readonly #options: StreamLaneOptions
  #flight: Shipment[] = []
  /** Of the pieces that are settled of the oldest frame. */
  #parked: Parked[] = []
  #heldFor: AckCode | undefined
  #progress = 0
  #deaths = 0

  constructor(options: StreamLaneOptions) {
    this.#options = options
  }

  get stream(): string {
    return this.#options.stream
  }

  get heldFor(): AckCode | undefined {
    return this.#heldFor
  }

  get waitMs(): number {
    return this.#options.pause.waitMs
  }

  get troubled(): boolean {
    return this.#options.pause.troubled
  }

  get empty(): boolean {
    return this.#flight.length === 0
  }

  /** The piece that may leave now, if there is one. */
  async peek(): Promise<Piece | undefined> {
    const { reader, pause } = this.#options
    if (pause.waitMs > 0 || this.#ending) return undefined
    const oldest = this.#flight[0]
    if (oldest && (pause.troubled || this.#isRoomFull)) return undefined
    const piece = await reader.peek()
    if (!piece || !oldest) return piece
    const sameEpoch = piece.frame.header.epoch === oldest.piece.frame.header.epoch
    return sameEpoch ? piece : undefined
  }

  /** The piece of the last `peek` leaves. Its verdict is set once it is known, before `advance`. */
  ship(piece: Piece, attempt: number): Shipment {
    const { reader, window, counters } = this.#options
    reader.take()
    window.take(piece.frame.body.length)
    counters.sent(piece)
    const shipment: Shipment = { piece, attempt, progress: this.#progress }
    this.#flight.push(shipment)
    return shipment
  }

  /** What the gateway is told of a piece in flight; `current`: of the stream as a whole. */
  headerOf(current: BatchHeader): BatchHeader {
    const [oldest] = this.#flight
    if (!this.#options.laned || !oldest) return current
    // Frames are settled in order, so below the oldest in flight all of this lane is final.
    return { ...current, floor: oldest.piece.frame.header.first }
  }

  /** The buffer could not be read. */
  defer(error: unknown): void {
    const { pause, log, stream } = this.#options
    log.error({ error, stream }, 'the buffer cannot be read, trying again')
    pause.retry()
  }

  /** Acts on the verdicts that have come, oldest first. */
  advance(): void {
    for (;;) {
      const oldest = this.#flight[0]
      if (!oldest?.verdict) return
      const verdict = unsplittable(oldest.piece, oldest.verdict)
      if (verdict.kind !== 'settled') {
        if (this.#flight.every((shipment) => shipment.verdict)) this.#rewind(oldest, verdict)
        return
      }
      this.#flight.shift()
      this.#settle(oldest.piece, verdict.parked)
    }
  }

  get #ending(): boolean {
    return this.#flight.some(({ verdict }) => verdict && verdict.kind !== 'settled')
  }

  get #isRoomFull(): boolean {
    const { room } = this.#options
    if (!room) return false
    const bytes = this.#flight.reduce((sum, { piece }) => sum + piece.frame.body.length, 0)
    return this.#flight.length >= room.frames || bytes >= room.bytes
  }

  #settle(piece: Piece, parked: readonly Parked[]): void {
    const { reader, releases, window, counters, pause, log, stream } = this.#options
    this.#progress += 1
    this.#deaths = 0
    pause.end()
    if (this.#heldFor) log.info({ stream }, 'the gateway takes this stream again')
    this.#heldFor = undefined
    window.give(piece.frame.body.length)
    counters.settled(piece, parked)
    reader.settled(piece)
    for (const { code, reason } of parked)
      log.warn({ stream, code, reason }, 'refused for good, parked')
    for (const one of parked) this.#parked.push(piece.whole ? one : { seqs: seqsOf(piece), ...one })
    if (!piece.ends) return
    releases.add(piece.frame.id, this.#parked)
    this.#parked = []
  }

  #rewind(oldest: Shipment, verdict: Exclude<Verdict, { kind: 'settled' }>): void {
    const { reader, window, counters } = this.#options
    const flight = this.#flight
    this.#flight = []
    counters.retries += flight.length
    for (const { piece } of flight) window.give(piece.frame.body.length)
    reader.rewind()
    if (verdict.kind === 'split') reader.shrink(half(oldest.piece))
    else if (verdict.kind === 'rewind') this.#missing(oldest)
    else if (verdict.kind === 'hold') this.#hold(verdict)
    else if (verdict.kind === 'wait') this.#wait(verdict)
    else if (flight.some(({ blamed }) => blamed)) this.#died(oldest.piece)
  }

  /** The gateway misses something before the oldest batch that is not settled here. */
  #missing(oldest: Shipment): void {
    // When something was settled meanwhile, that was it.
    if (oldest.progress !== this.#progress) return
    this.#parked = []
    this.#options.reader.restart()
    this.#options.pause.retry()
  }

  #hold({ scope, code, why }: Extract<Verdict, { kind: 'hold' }>): void {
    if (scope === 'gateway') return
    const { pause, log, stream } = this.#options
    if (!this.#heldFor) log.error({ stream, code, why }, 'the gateway refuses this stream')
    this.#heldFor = code
    pause.probeSlowly()
  }

  #wait({ scope, retryAfterMs }: Extract<Verdict, { kind: 'wait' }>): void {
    if (scope === 'stream') this.#options.pause.retry(retryAfterMs)
  }

  /** Steps back so that others are tried, and at last looks whether a part of it goes through. */
  #died(piece: Piece): void {
    const { pause, reader, log, stream } = this.#options
    this.#deaths += 1
    pause.retry()
    if (this.#deaths < deathsBeforeSplit || piece.frame.header.count === 1) return
    this.#deaths = 0
    reader.shrink(half(piece))
    const { first, count } = piece.frame.header
    log.warn({ stream, first, count }, 'the connection dies on this batch again and again')
  }
}

function half(piece: Piece): number {
  return Math.ceil(piece.frame.header.count / 2)
}

function seqsOf({ frame }: Piece): number[] {
  return Array.from({ length: frame.header.count }, (_, i) => frame.header.first + i)
}

function unsplittable(piece: Piece, verdict: Verdict): Verdict {
  if (verdict.kind !== 'split' || !piece.solid) return verdict
  return { kind: 'settled', parked: [{ code: 'unreadable', reason: 'too large, cannot be split' }] }
}

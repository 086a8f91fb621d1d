import type { AckCode } from '../../shared/errors.ts'
import type { FrameStore } from '../buffer/buffer.ts'
import { FrameReader, type LearnedLimits, type Shelf } from './frame-reader.ts'
import { LaneBook } from './lane-book.ts'
import { type NewestFirst, NewestFirstLanes } from './newest-first.ts'
import { Pause, type PauseOptions } from './pause.ts'
import { Round, type RoundOptions } from './round.ts'
import type { SendGate } from './send-gate.ts'
import { Share } from './share.ts'
import { StreamLane, type StreamLaneOptions } from './stream-lane.ts'
import type { WindowLimits } from './window.ts'

type Shared = Pick<StreamLaneOptions, 'releases' | 'window' | 'counters' | 'log'>

export interface LaneSetOptions extends Shared, PauseOptions {
  readonly store: FrameStore
  readonly learned: LearnedLimits
  readonly newestFirst?: NewestFirst | undefined
  readonly gate?: SendGate | undefined
  /** Of all lanes together. */
  readonly limits: WindowLimits
}

/** The lanes of all streams; each stream gets its own when it first holds something. */
export class LaneSet {
  readonly #options: LaneSetOptions
  /** Of streams that are sent in order. */
  readonly #single = new Map<string, StreamLane>()
  /** Never forgotten, because they know what has left; there are as many as are configured. */
  readonly #pairs = new Map<string, NewestFirstLanes>()
  readonly #share: Share

  constructor(options: LaneSetOptions) {
    this.#options = options
    this.#share = new Share(options.newestFirst?.liveShare ?? 0)
  }

  get heldStreams(): { stream: string; code: AckCode }[] {
    const held = new Map<string, AckCode>()
    for (const { stream, heldFor } of this.#all()) if (heldFor) held.set(stream, heldFor)
    return [...held].map(([stream, code]) => ({ stream, code }))
  }

  /** Milliseconds until each lane that waits goes on. */
  get waitsMs(): number[] {
    return this.#all().map((lane) => lane.waitMs)
  }

  /** Acts on the answers that have come. */
  advance(): void {
    for (const lane of this.#all()) lane.advance()
    const streams = new Set(this.#options.store.streams())
    for (const [stream, lane] of this.#single) {
      if (lane.empty && !streams.has(stream)) this.#single.delete(stream)
    }
  }

  /**
   * Live lanes and all others take turns, in each the stream with the oldest frame first. While the
   * link is `probing`, what is in trouble may be what cuts the connection, so others try the way first.
   */
  async round(probing: boolean, peek: RoundOptions['peek']): Promise<Round> {
    const live: StreamLane[] = []
    const others: StreamLane[] = []
    for (const stream of this.#options.store.streams()) {
      const pair = this.#pairOf(stream)
      await pair?.note(probing || this.#isHeld(stream))
      if (pair) live.push(pair.live)
      others.push(pair ? pair.backlog : this.#singleOf(stream))
    }
    if (!probing) return new Round({ live, others, share: this.#share, peek })
    this.#share.reset()
    const ready = others.filter((lane) => !lane.troubled)
    const troubled = [...live, ...others].filter((lane) => lane.troubled)
    return new Round({
      live: live.filter((lane) => !lane.troubled),
      others: [...ready, ...troubled],
      share: this.#share,
      peek
    })
  }

  #isHeld(stream: string): boolean {
    return (this.#options.gate?.waitMs(stream) ?? 0) > 0
  }

  #all(): StreamLane[] {
    const pairs = [...this.#pairs.values()].flatMap(({ live, backlog }) => [live, backlog])
    return [...this.#single.values(), ...pairs]
  }

  #pairOf(stream: string): NewestFirstLanes | undefined {
    const known = this.#pairs.get(stream)
    if (known) return known
    const { newestFirst, clock } = this.#options
    const backlogAfterMs = newestFirst?.backlogAfterMs(stream)
    if (!newestFirst || backlogAfterMs === undefined) return undefined
    const book = new LaneBook({ stream, lanes: newestFirst.lanes, backlogAfterMs })
    const lanes = {
      live: this.#lane(
        stream,
        {
          read: (after, maxBytes) => book.read(0, after, maxBytes),
          admit: (frame) => book.admit(frame)
        },
        { laned: true }
      ),
      backlog: this.#lane(
        stream,
        { read: (after, maxBytes) => book.read(1, after, maxBytes) },
        { laned: true, room: this.#backlogRoom(newestFirst) }
      )
    }
    const pair = new NewestFirstLanes(lanes, book, clock)
    this.#pairs.set(stream, pair)
    return pair
  }

  #singleOf(stream: string): StreamLane {
    const known = this.#single.get(stream)
    if (known) return known
    const lane = this.#newSingle(stream)
    this.#single.set(stream, lane)
    return lane
  }

  #newSingle(stream: string): StreamLane {
    const { store, newestFirst } = this.#options
    const read: Shelf['read'] = (after, maxBytes) => store.read(stream, after?.id, maxBytes)
    const book =
      newestFirst && new LaneBook({ stream, lanes: newestFirst.lanes, backlogAfterMs: 0 })
    if (!book || book.single) return this.#lane(stream, { read })
    // What was sent in lanes before the configuration changed keeps them.
    const stamped: Shelf['read'] = async (after, maxBytes) =>
      (await read(after, maxBytes)).map((frame) => book.stamp(frame))
    return this.#lane(stream, { read: stamped }, { laned: true })
  }

  /** Little of what waited is in flight at once, so that what is live has never long to wait. */
  #backlogRoom({ liveShare }: NewestFirst): WindowLimits {
    const { frames, bytes } = this.#options.limits
    const part = 1 - liveShare
    return { frames: Math.ceil(frames * part), bytes: Math.ceil(bytes * part) }
  }

  #lane(
    stream: string,
    shelf: Shelf,
    kind: Pick<StreamLaneOptions, 'laned' | 'room'> = { laned: false }
  ): StreamLane {
    const pause = new Pause(this.#options)
    const reader = new FrameReader({ ...this.#options, shelf })
    return new StreamLane({ ...this.#options, ...kind, stream, reader, pause })
  }
}

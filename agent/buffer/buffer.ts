import type { Component } from '../../shared/component.ts'
import type { AckCode } from '../../shared/errors.ts'
import type { Histogram } from '../../shared/histogram.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { BatchHeader, BodyEncoding } from '../../shared/wire/batch.ts'
import type { Stamp } from '../clock/device-time.ts'
import type { SeqRange } from './seq-ranges.ts'

export type { SeqRange } from './seq-ranges.ts'

/** What a stream does when the buffer is at its cap. */
export type OverflowPolicy = 'drop-oldest' | 'block'

/** How far a source has come, in the source's own terms. */
export interface Cursor {
  /** `<source name>` or `<source name>:<what it reads>`; one line of text. */
  readonly source: string
  /** Opaque bytes; an empty position removes the cursor. */
  readonly position: Buffer
}

export interface Chunk {
  readonly stream: string
  /**
   * The buffer copies what it needs before `append` yields. May hold no record, to commit cursors
   * alone; with `urgent` that also commits what was appended before it.
   */
  readonly records: RecordColumns
  /**
   * Become durable in the same transaction as the records, or not at all. They say that the records
   * can be read again from an older position.
   */
  readonly cursors?: readonly Cursor[]
  /** Commit now instead of after the commit age: somebody waits for the answer. */
  readonly urgent?: boolean
  /**
   * Nobody was told that these records are safe and they cannot be read again (a sensor's reading):
   * while the disk is unusable they may wait in the memory ring, and `append` then resolves.
   */
  readonly volatile?: boolean
  /**
   * Where the event times come from. `clock`, the default: this machine's wall clock, just now; once
   * that is learnt, they are corrected. `own`: the records brought them along, and they stay. `gps`: as
   * `own`, from a receiver, so that they are right whatever the wall clock says.
   */
  readonly times?: TimeOrigin
}

export type TimeOrigin = 'clock' | 'own' | 'gps'

/** The side of the buffer that sources see. */
export interface Appender {
  /**
   * Resolves when records and cursors are fsynced in one transaction (or, for a volatile chunk,
   * are in the memory ring). Chunks of one stream keep the order of the calls. Waits while the
   * stream's policy is `block` and the buffer is full, and while the disk is unusable. Rejects with
   * `too_large` for a record that can never be sent, with `store_full` when `signal` aborts the wait
   * or so much waits already that there is no memory for more. What is being written when `signal`
   * aborts is answered as it ends; only where that cannot be known does a rejection leave it open.
   */
  append(chunk: Chunk, signal?: AbortSignal): Promise<void>
  /** All cursors whose source is `prefix` or begins with `prefix:`. */
  cursors(prefix: string): ReadonlyMap<string, Buffer>
}

/** Names a stored frame within this buffer. */
export type FrameId = string

/** A frame with all of its header that is known before it is sent. */
export interface StoredFrame {
  readonly id: FrameId
  /** `device` is the agent's own; `floor` is as of this reading, `clock` as it was stored. */
  readonly header: BatchHeader
  /** When it was closed, by the clock that its times are of; absent when they are not to be corrected. */
  readonly stamp?: Stamp
  /** When it was closed, for `LaneStore.ageMs`. */
  readonly closed?: Omit<Stamp, 'clock'>
  readonly enc: BodyEncoding
  /** Exactly what was stored. */
  readonly body: Buffer
  readonly crc: number
}

/** Records of one frame that go to the dead letters. */
export interface Parked {
  readonly code: AckCode | 'unreadable'
  readonly reason: string
  /** Which records, by sequence number; absent: the whole frame. */
  readonly seqs?: readonly number[]
}

/** The side of the buffer that the sender sees. */
export interface FrameStore {
  /** Streams that hold frames, the one with the oldest frame first. */
  streams(): readonly string[]
  /**
   * The frames of a stream that follow `after` (from its oldest when absent), oldest first, until
   * `maxBytes` of body are reached; at least one if there is one. Frames whose CRC does not match
   * are parked as `unreadable` and counted, and are not returned.
   */
  read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]>
  /** Lowest sequence number of this epoch and stream that is still held; 0 when none is. */
  floor(stream: string, epoch: string): number
  /**
   * The header of a frame, or of a part of one, with `floor`, `clock` and `offset` as of now. No
   * repeat is told by these, so each attempt to send takes what is known by then.
   */
  currentHeader(frame: StoredFrame): BatchHeader
  /**
   * The frame is settled: parks what is to be parked first, durably, then forgets the frame. One
   * frame may have records parked for several reasons. Frames of a stream may be released in any
   * order. A crash before a release is on disk means that the frame is sent again; the gateway
   * drops the repeat.
   */
  release(id: FrameId, parked?: readonly Parked[]): Promise<void>
  /** Resolves when there may be something new to read, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>
}

/** A record of one stream, or the place where it would be. */
export interface SeqPlace {
  readonly epoch: string
  readonly seq: number
}

/** What the sender needs besides of a stream whose newest frames go first. */
export interface LaneStore {
  /** Epochs of which frames of this stream are held, oldest first. */
  epochs(stream: string): readonly string[]
  /** As `FrameStore.read`, of one epoch, from the first frame on that begins at or behind a place. */
  readFrom(stream: string, place: SeqPlace, maxBytes: number): Promise<StoredFrame[]>
  /** The lowest sequence number at or behind a place that is still held; 0 when none is. */
  nextHeld(stream: string, place: SeqPlace): number
  /** The frame that was stored last since the start, settled or not; undefined when none was. */
  newest(stream: string): NewestFrame | undefined
  /** Milliseconds since a frame was closed; 0 when that is not known. */
  ageMs(frame: StoredFrame): number
  /**
   * The sequence numbers that were, or may have been, sent in the live lane, as last saved; those
   * of older epochs of which nothing was saved all may have been. Undefined: none was.
   */
  live(stream: string, epoch: string): readonly SeqRange[] | undefined
  /** Durable when it resolves. By epoch. */
  saveLive(stream: string, live: ReadonlyMap<string, readonly SeqRange[]>): Promise<void>
  /** What is below is settled for good: no crash brings it back. */
  final(stream: string, epoch: string): number
}

export interface NewestFrame {
  readonly epoch: string
  readonly first: number
  readonly last: number
}

/** The durable buffer of the agent. */
export interface AgentBuffer extends Appender, FrameStore, Component {
  readonly lanes: LaneStore
  stats(): BufferStats
}

export interface BufferStats {
  readonly records: number
  readonly bytes: number
  readonly segments: number
  /** Age of the oldest frame that is not settled, milliseconds; 0 when there is none. */
  readonly oldestAgeMs: number
  readonly appendedRecords: number
  readonly releasedRecords: number
  readonly parkedRecords: number
  /** Loss ledger of this buffer's life: counts by stream and reason (`overflow`, `corrupt`, …). */
  readonly lost: readonly {
    readonly stream: string
    readonly reason: string
    readonly records: number
  }[]
  readonly commit: Histogram
  /** `disk` in order; `memory` while the ring has taken over. */
  readonly mode: 'disk' | 'memory'
  readonly ringRecords: number
  readonly epoch: string
}

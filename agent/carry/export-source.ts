import { HeadwaterError } from '../../shared/errors.ts'
import type { BatchHeader, BatchLane } from '../../shared/wire/batch.ts'
import type { FrameRow } from '../buffer/frames/frame-row.ts'
import type { FrameId, StoredFrame } from '../buffer/buffer.ts'
import type { BufferView, WaitingFrame } from '../buffer/inspect/buffer-view.ts'
import type { SqliteBuffer } from '../buffer/sqlite-buffer.ts'
import type { DeviceTime } from '../clock/device-time.ts'

/** A frame that is to leave with an export. */
interface Leaving {
  readonly frame: Omit<StoredFrame, 'id'>
  readonly wallMs: number
  /** To release it by; absent: it stays. */
  readonly id?: FrameId
}

/** Where an export takes its frames from, oldest first within each stream. */
export interface ExportSource {
  /** About what they take. */
  readonly bytes: number
  frames(): AsyncIterable<Leaving>
  /** What cannot be exported, a line for a person each; complete after `frames`. */
  readonly problems: readonly string[]
}

export interface Choice {
  /** Absent: all. */
  readonly stream?: string | undefined
  /** Each stream ends before its first frame that was closed later. */
  readonly untilMs?: number | undefined
}

export interface Facts {
  readonly device: string
  readonly time: DeviceTime
  /** Streams that the configuration sends newest first. */
  readonly newestFirst: readonly string[]
}

const repair = 'start the agent once, it repairs its buffer, and export again'

/**
 * The waiting frames as they are seen from outside; the agent may run. A stream ends where it cannot
 * be read: nothing behind a hole may reach the gateway before what is in it.
 */
export async function viewedFrames(
  view: BufferView,
  { stream, untilMs = Number.POSITIVE_INFINITY }: Choice,
  facts: Facts
): Promise<ExportSource> {
  const newestFirst = new Set([...facts.newestFirst, ...(await view.liveStreams())])
  const { frames } = await view.waiting()
  const ended = new Set<string>()
  const chosen = frames.filter((frame) => {
    if (stream !== undefined && frame.stream !== stream) return false
    if (newestFirst.has(frame.stream)) throw laneUnknown(frame.stream)
    if (frame.wallMs > untilMs || isBehindDamage(view, frame)) ended.add(frame.stream)
    return !ended.has(frame.stream)
  })
  const problems = view.damaged.map(
    ({ path }) => `${path} is damaged; it and what follows it is left out: ${repair}`
  )
  return {
    bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
    problems,
    async *frames() {
      const broken = new Set<string>()
      for (const one of chosen) {
        if (broken.has(one.stream)) continue
        const row = await view.read(one).catch((error: unknown) => {
          broken.add(one.stream)
          problems.push(`stream ${one.stream} ends early: ${String(error)}: ${repair}`)
          return undefined
        })
        if (row) yield { frame: leavingFrame(row, one, facts), wallMs: row.wallMs }
      }
    }
  }
}

/** The frames of a buffer that this process has for itself, so that they can be released. */
export function ownedFrames(buffer: SqliteBuffer, { stream }: Choice): ExportSource {
  const streams = buffer.streams().filter((one) => stream === undefined || one === stream)
  return {
    bytes: buffer.stats().bytes,
    problems: [],
    async *frames() {
      for (const one of streams) {
        let after: FrameId | undefined
        for (;;) {
          const read = await buffer.read(one, after, readBytes)
          for (const { id, ...frame } of read) {
            const { enc, body, crc, closed } = frame
            const lane = laneOf(buffer, frame.header)
            const header = { ...buffer.currentHeader({ id, ...frame }), lane }
            yield { frame: { header, enc, body, crc }, wallMs: closed?.wallMs ?? 0, id }
            after = id
          }
          if (read.length === 0) break
        }
      }
    }
  }
}

/** Read from the buffer at a time. */
const readBytes = 4 * 1024 ** 2

/** The agent would send the same records in either lane, and the gateway tells repeats by lane. */
function laneUnknown(stream: string): HeadwaterError {
  const message = `stream ${stream} is sent newest first, so only the agent knows which lane its records take; stop the agent and export with --and-release, or another --stream`
  return new HeadwaterError('config', message)
}

/** What may have left in the live lane already is a repeat only there. */
function laneOf(buffer: SqliteBuffer, { stream, epoch, first }: BatchHeader): BatchLane {
  const live = buffer.lanes.live(stream, epoch) ?? []
  return live.some(([from, to]) => from <= first && first <= to) ? 0 : 1
}

function isBehindDamage(view: BufferView, { place }: WaitingFrame): boolean {
  return view.damaged.some(
    (one) => one.place?.policy === place.policy && one.place.number < place.number
  )
}

function leavingFrame(
  row: FrameRow,
  { first: floor }: WaitingFrame,
  { device, time }: Facts
): Omit<StoredFrame, 'id'> {
  const { epoch, stream, first, count, prev, lane, enc, body, crc } = row
  const known = { clock: row.clock, offset: 0 }
  const { clock, offset } = row.correctable ? time.correctionOf(row) : known
  const header = { device, epoch, stream, first, count, prev, floor, lane, clock, offset }
  return { header, enc, body, crc }
}

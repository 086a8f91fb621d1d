import { crc32 } from 'node:zlib'
import type { SqlRow, SqlValue } from '../../../shared/sqlite.ts'
import {
  type BatchLane,
  type BodyEncoding,
  type ClockState,
  clockStates,
  frameCrc
} from '../../../shared/wire/batch.ts'

/** A frame as it lies in a segment. */
export interface FrameRow {
  /** Counts without gaps within the row of segments of one overflow policy. */
  readonly id: number
  /** Number of the commit that brought it; rises over the whole buffer. */
  readonly version: number
  readonly stream: string
  /** 32 hexadecimal digits. */
  readonly epoch: string
  readonly lane: BatchLane
  readonly first: number
  readonly count: number
  readonly prev: number
  /** When it was closed: wall clock, and milliseconds since boot with time in suspend. */
  readonly wallMs: number
  readonly uptimeMs: number
  /** Which boot `uptimeMs` counts from; 32 hexadecimal digits. */
  readonly boot: string
  /** What the clock was worth then. */
  readonly clock: ClockState
  /** Its times are those of the wall clock, and wrong if that was. */
  readonly correctable: boolean
  readonly enc: BodyEncoding
  /**
   * Whose records it has. Each has a cursor behind them in the same commit, so a source that goes
   * back to an older one reads them again; empty: nobody can.
   */
  readonly sources: readonly string[]
  /** Records of its stream and epoch up to its end that nobody can read again. */
  readonly unrepeatable: number
  /** CRC of `body`. */
  readonly crc: number
  readonly body: Buffer
}

export const createFrames = `CREATE TABLE frames (
  id INTEGER PRIMARY KEY, version INTEGER NOT NULL, stream TEXT NOT NULL, epoch BLOB NOT NULL,
  lane INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, prev INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL, uptime_ms INTEGER NOT NULL, boot BLOB NOT NULL,
  clock INTEGER NOT NULL, enc INTEGER NOT NULL, sources TEXT NOT NULL,
  unrepeatable INTEGER NOT NULL, crc INTEGER NOT NULL, head_crc INTEGER NOT NULL,
  body BLOB NOT NULL)`

export const insertFrame = `INSERT INTO frames VALUES (${Array.from({ length: 18 }, () => '?').join()})`

const encodings: readonly BodyEncoding[] = ['id', 'gzip']

/** Added to the column `clock` where the times are not to be corrected; not in files of version 2. */
const uncorrectable = clockStates.length

/** The values of `insertFrame`. */
export function frameValues(frame: FrameRow): SqlValue[] {
  const head = headOf(frame)
  return [...head, crc32(head.map(textOf).join('|')), frame.body]
}

/** The frame of a row of `frames`; undefined when its head or its body does not match its CRC. */
export function parseFrame(row: SqlRow): FrameRow | undefined {
  const frame = parseHead(row)
  return frame && frameCrc(frame.body) === frame.crc ? frame : undefined
}

/** As `parseFrame`, with a body that may be damaged. */
export function parseHead(row: SqlRow): FrameRow | undefined {
  const { epoch, boot, body } = row
  const dated = row['clock'] as number
  const clock = clockStates[dated % uncorrectable]
  const enc = encodings[row['enc'] as number]
  if (!Buffer.isBuffer(epoch) || !Buffer.isBuffer(boot) || !Buffer.isBuffer(body)) return undefined
  if (clock === undefined || enc === undefined || dated >= 2 * uncorrectable) return undefined
  const frame: FrameRow = {
    id: row['id'] as number,
    version: row['version'] as number,
    stream: String(row['stream']),
    epoch: epoch.toString('hex'),
    lane: row['lane'] === 1 ? 1 : 0,
    first: row['first'] as number,
    count: row['count'] as number,
    prev: row['prev'] as number,
    wallMs: row['wall_ms'] as number,
    uptimeMs: row['uptime_ms'] as number,
    boot: boot.toString('hex'),
    clock,
    correctable: dated < uncorrectable,
    enc,
    sources: sourcesIn(String(row['sources'])),
    unrepeatable: row['unrepeatable'] as number,
    crc: row['crc'] as number,
    body
  }
  return crc32(headOf(frame).map(textOf).join('|')) === row['head_crc'] ? frame : undefined
}

function sourcesIn(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}

function headOf(frame: FrameRow): SqlValue[] {
  return [
    frame.id,
    frame.version,
    frame.stream,
    Buffer.from(frame.epoch, 'hex'),
    frame.lane,
    frame.first,
    frame.count,
    frame.prev,
    frame.wallMs,
    frame.uptimeMs,
    Buffer.from(frame.boot, 'hex'),
    clockStates.indexOf(frame.clock) + (frame.correctable ? 0 : uncorrectable),
    encodings.indexOf(frame.enc),
    frame.sources.join('\n'),
    frame.unrepeatable,
    frame.crc
  ]
}

function textOf(value: SqlValue): string {
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value)
}

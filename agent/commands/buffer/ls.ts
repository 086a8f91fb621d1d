import type { Terminal } from '../../../shared/command-line.ts'
import { decodeCbor } from '../../../shared/wire/cbor.ts'
import { formatTable } from '../../../shared/format-table.ts'
import { bytesText, many } from '../../../shared/quantities.ts'
import type { BufferView, WaitingFrame } from '../../buffer/inspect/buffer-view.ts'
import type { PlaceFlags } from '../agent-place.ts'
import { letterGroups, letterTable } from './letter-groups.ts'
import { timeText } from './time-text.ts'
import { withView } from './with-view.ts'

export interface LsFlags extends PlaceFlags {
  readonly json?: true
  readonly cursors?: true
}

interface StreamFigures {
  readonly stream: string
  readonly frames: number
  readonly records: number
  readonly bytes: number
  /** When the frames were closed. */
  readonly oldestMs: number
  readonly newestMs: number
}

type Listing = Awaited<ReturnType<typeof listingOf>>

/** `headwater-agent buffer ls` */
export function ls(flags: LsFlags, terminal: Terminal): Promise<void> {
  return withView(flags, terminal, async (view, directory) => {
    const listing = await listingOf(view, directory, flags)
    terminal.print(flags.json ? JSON.stringify(listing, null, 2) : textOf(listing))
  })
}

async function listingOf(view: BufferView, directory: string, { cursors }: LsFlags) {
  const { frames, segments, bytes } = await view.waiting()
  const positions = cursors ? await view.cursors() : undefined
  return {
    directory,
    segments: segments.length,
    bytes,
    streams: figuresOf(frames),
    lost: (await view.losses()).map(({ stream, reason, records }) => ({ stream, reason, records })),
    deadLetters: await letterGroups(view, {}),
    damaged: view.damaged.map(({ path, error }) => ({ path, problem: error.message })),
    ...(positions
      ? {
          cursors: positions.map(({ source, position }) => ({ source, position: shown(position) }))
        }
      : {})
  }
}

function figuresOf(frames: readonly WaitingFrame[]): StreamFigures[] {
  const streams = new Map<string, StreamFigures>()
  for (const { stream, count, bytes, wallMs } of frames) {
    const known = streams.get(stream)
    streams.set(stream, {
      stream,
      frames: (known?.frames ?? 0) + 1,
      records: (known?.records ?? 0) + count,
      bytes: (known?.bytes ?? 0) + bytes,
      oldestMs: Math.min(known?.oldestMs ?? wallMs, wallMs),
      newestMs: Math.max(known?.newestMs ?? wallMs, wallMs)
    })
  }
  return [...streams.values()]
}

/** Positions are the source's own bytes: text, or CBOR, which is shown as JSON. */
function shown(position: Buffer): string {
  const text = position.toString()
  if (/^[\x20-\x7e]*$/.test(text)) return text
  try {
    return JSON.stringify(decodeCbor(position, 'position'), inJson) ?? position.toString('hex')
  } catch {
    return position.toString('hex')
  }
}

function inJson(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function textOf(listing: Listing): string {
  const { directory, segments, bytes, streams, lost, deadLetters, damaged, cursors } = listing
  const parts = [`${directory}: ${many(segments, 'segment')}, ${bytesText(bytes)} on disk`]
  parts.push(streams.length === 0 ? 'Nothing waits.' : streamTable(streams))
  if (lost.length > 0) parts.push(`Lost for good\n${lossTable(lost)}`)
  if (deadLetters.length > 0) parts.push(`Dead letters\n${letterTable(deadLetters)}`)
  if (cursors) parts.push(cursorTable(cursors))
  if (damaged.length > 0) {
    const files = damaged.map(({ path, problem }) => `${path}: ${problem}`).join('\n')
    parts.push(`Damaged; the agent salvages it at its next start\n${files}`)
  }
  return parts.join('\n\n')
}

function streamTable(streams: readonly StreamFigures[]): string {
  const rows = streams.map((one) => [
    one.stream,
    String(one.frames),
    String(one.records),
    bytesText(one.bytes),
    timeText(one.oldestMs),
    timeText(one.newestMs)
  ])
  return formatTable([['stream waiting', 'frames', 'records', 'size', 'oldest', 'newest'], ...rows])
}

function lossTable(lost: Listing['lost']): string {
  const rows = lost.map(({ stream, reason, records }) => [stream, reason, String(records)])
  return formatTable([['stream', 'reason', 'records'], ...rows])
}

function cursorTable(cursors: NonNullable<Listing['cursors']>): string {
  if (cursors.length === 0) return 'No source has a cursor.'
  return formatTable([
    ['cursor of', 'position'],
    ...cursors.map(({ source, position }) => [source, beginningOf(position)])
  ])
}

/** What fits on a line. */
function beginningOf(position: string): string {
  return position.length > 100 ? `${position.slice(0, 99)}…` : position
}

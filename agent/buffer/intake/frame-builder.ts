import { type RecordColumns, recordLimits } from '../../../shared/record.ts'
import type { Stamp } from '../../clock/device-time.ts'
import { type Compression, type PackedBody, packed, type Part } from './chunk-parts.ts'

/** A frame without its identity, which it gets when it is about to be written. */
export interface FrameDraft extends PackedBody {
  readonly stream: string
  readonly count: number
  readonly stamp: Stamp
  /** As in `Part`. */
  readonly correctable: boolean
  /** As in `FrameRow`. */
  readonly sources: readonly string[]
}

/** A step of the wall clock against the uptime by more than this closes the frame. Milliseconds. */
const clockStepMs = 1000

/** Frames of these parts; parts of one stream stay in order, small ones share a frame. */
export async function buildFrames(
  parts: readonly Part[],
  { frameBytes, compression }: { frameBytes: number; compression: Compression }
): Promise<FrameDraft[]> {
  const groups: Group[] = []
  const open = new Map<string, Group>()
  for (const part of parts) {
    const group = open.get(part.stream)
    if (group && joins(group, part, frameBytes)) {
      group.parts.push(part)
      group.bytes += part.bytes
      group.records += part.records
      continue
    }
    const fresh = { parts: [part], bytes: part.bytes, records: part.records }
    groups.push(fresh)
    open.set(part.stream, fresh)
  }
  return Promise.all(groups.map((group) => draft(group, compression)))
}

interface Group {
  readonly parts: Part[]
  bytes: number
  records: number
}

function joins({ parts, bytes, records }: Group, part: Part, frameBytes: number): boolean {
  const last = parts.at(-1)
  if (!last || last.content instanceof Promise || part.content instanceof Promise) return false
  if (bytes + part.bytes > frameBytes) return false
  // What can be read again shares no frame with what cannot: a salvage drops the one, not the other.
  if (last.sources.length > 0 !== part.sources.length > 0) return false
  if (records + part.records > recordLimits.batchRecords) return false
  if (last.correctable !== part.correctable || last.stamp.clock !== part.stamp.clock) return false
  return Math.abs(skewMs(last.stamp) - skewMs(part.stamp)) <= clockStepMs
}

function skewMs({ wallMs, uptimeMs }: Stamp): number {
  return wallMs - uptimeMs
}

async function draft({ parts, records }: Group, compression: Compression): Promise<FrameDraft> {
  const [first] = parts
  const last = parts.at(-1)
  if (!first || !last) throw new RangeError('a frame needs at least one part')
  const contents = parts.flatMap(({ content }) => (content instanceof Promise ? [] : content))
  const body = await (first.content instanceof Promise
    ? first.content
    : packed(joined(contents), compression))
  const sources = [...new Set(parts.flatMap((part) => part.sources))]
  const { stream, correctable } = first
  return { ...body, stream, count: records, stamp: last.stamp, correctable, sources }
}

function joined(all: readonly RecordColumns[]): RecordColumns {
  const [only, ...more] = all
  if (only && more.length === 0) return only
  const count = all.reduce((sum, { lens }) => sum + lens.length, 0)
  const keyIndex = new Map<string, number>()
  const key = new Uint32Array(count)
  const times = new Float64Array(count)
  const lens = new Uint32Array(count)
  let at = 0
  for (const columns of all) {
    times.set(columns.times, at)
    lens.set(columns.lens, at)
    const own = columns.keys.map((text) => {
      const index = keyIndex.get(text) ?? keyIndex.size
      keyIndex.set(text, index)
      return index
    })
    const ownKey = columns.key
    if (ownKey)
      key.set(
        ownKey.map((index) => own[index] ?? 0),
        at
      )
    else key.fill(own[0] ?? 0, at, at + columns.lens.length)
    at += columns.lens.length
  }
  return {
    keys: [...keyIndex.keys()],
    ...(keyIndex.size > 1 ? { key } : {}),
    times,
    lens,
    data: Buffer.concat(all.map(({ data }) => data)),
    ...(all.some(({ attributes }) => attributes)
      ? { attributes: all.flatMap(({ attributes, lens }) => attributes ?? noneOf(lens.length)) }
      : {})
  }
}

function noneOf(count: number): null[] {
  return new Array<null>(count).fill(null)
}

import { formatByteSize } from '../../shared/byte-size.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'
import type { Carry, EndEntry } from './entry.ts'
import { type DamagedSpan, type FoundEntry, scanFile } from './scan-file.ts'

/** A frame of an export that was found whole; its body stays in the file. */
export interface CarriedFrame {
  readonly path: string
  readonly at: number
  readonly carry: Carry
  readonly order: number
  readonly header: BatchHeader
  /** Of its body, as stored. */
  readonly bytes: number
  readonly wallMs: number
}

export interface ReadExport {
  /** To be sent in this order: of each stream in the order of the device, each frame once. */
  readonly frames: readonly CarriedFrame[]
  /** What is damaged or missing, a line for a person each; none: all is there. */
  readonly problems: readonly string[]
  /** Frames that are whole and must not be sent, because some before them are missing. */
  readonly withheld: number
}

/** What the files of one export hold, several copies of it put together. */
interface Collected {
  readonly carry: Carry
  /** By stream and order. */
  readonly streams: Map<string, Map<number, CarriedFrame>>
  counts: EndEntry['streams']
}

/**
 * Reads and checks exports. Where frames of a stream are missing and the device may still have them,
 * those that follow are withheld: a gateway that knew a later number of the same life of the device
 * would take the missing ones for repeats when the device sends them. Where the device has let go
 * of them, or `skipMissing` says that nobody has them, the rest goes on without.
 */
export async function readExport(
  paths: readonly string[],
  { skipMissing = false }: { readonly skipMissing?: boolean } = {}
): Promise<ReadExport> {
  const problems: string[] = []
  const collected = new Map<string, Collected>()
  for (const path of paths) {
    const damaged: string[] = []
    let last: FoundEntry | undefined
    for await (const found of scanFile(path)) {
      if ('entry' in found) {
        last = found
        collect(collected, path, found)
      } else damaged.push(damageText(path, found))
    }
    if (last && last.entry.kind !== 'end' && damaged.length === 0) {
      damaged.push(`${path}: ends without its last entry; what it holds is whole`)
    }
    if (last) problems.push(...damaged)
    else problems.push(`${path}: holds nothing that can be used; is it an export?`)
  }
  const known = new Set<string>()
  const frames: CarriedFrame[] = []
  let withheld = 0
  const exports = [...collected.values()].sort((a, b) => a.carry.madeMs - b.carry.madeMs)
  for (const one of exports) {
    if (!one.counts)
      problems.push(`${nameOf(one.carry)}: the end is missing: a file, or a part of one`)
    for (const [stream, byOrder] of one.streams) {
      const { sound, held, problem } = inOrder(one, { stream, byOrder, skipMissing })
      if (problem !== undefined) problems.push(problem)
      withheld += held
      frames.push(...sound.filter((frame) => !isRepeat(known, frame)))
    }
    problems.push(...missingStreams(one))
  }
  return { frames: inTurn(frames), problems, withheld }
}

function collect(all: Map<string, Collected>, path: string, { at, entry }: FoundEntry): void {
  const { carry } = entry
  const one = all.get(carry.id) ?? { carry, streams: new Map(), counts: undefined }
  all.set(carry.id, one)
  if (entry.kind === 'end') {
    one.counts ??= entry.streams
    return
  }
  const { order, wallMs, frame } = entry
  const { header, body } = frame
  const byOrder = one.streams.get(header.stream) ?? new Map<number, CarriedFrame>()
  one.streams.set(header.stream, byOrder)
  if (byOrder.has(order)) return
  byOrder.set(order, { path, at, carry, order, header, bytes: body.length, wallMs })
}

function inOrder(
  { carry, counts }: Collected,
  {
    stream,
    byOrder,
    skipMissing
  }: {
    readonly stream: string
    readonly byOrder: ReadonlyMap<number, CarriedFrame>
    readonly skipMissing: boolean
  }
): { sound: CarriedFrame[]; held: number; problem: string | undefined } {
  const all = [...byOrder.values()].sort((a, b) => a.order - b.order)
  const hole = all.findIndex(({ order }, i) => order !== i)
  const last = (all.at(-1)?.order ?? -1) + 1
  const missing = Math.max(counts?.get(stream) ?? 0, last) - all.length
  if (missing === 0) return { sound: all, held: 0, problem: undefined }
  const what = `${nameOf(carry)}: ${missing} frame(s) of stream ${stream} missing`
  // An export that was cut short let go of nothing.
  if (skipMissing || (carry.releases && counts)) {
    return { sound: all, held: 0, problem: `${what}, and left out` }
  }
  const sound = hole === -1 ? all : all.slice(0, hole)
  const held = all.length - sound.length
  const rest = held > 0 ? ` and the ${held} after them are not sent:` : ':'
  const where = carry.releases
    ? 'without the end it is not known whether the device let go of them; give all files, or --skip-missing if nobody has the rest'
    : 'the device still has them and sends them itself'
  return { sound, held, problem: `${what}${rest} ${where}` }
}

function missingStreams({ carry, counts, streams }: Collected): string[] {
  const missing = [...(counts?.keys() ?? [])].filter((stream) => !streams.has(stream))
  return missing.map((stream) => `${nameOf(carry)}: all of stream ${stream} is missing`)
}

/**
 * A clock that went back makes a later export look like the older one, so within one life of a
 * device the numbers decide: the gateway would take a lower one that comes late for a repeat.
 */
function inTurn(frames: readonly CarriedFrame[]): CarriedFrame[] {
  const lives = new Map<string, CarriedFrame[]>()
  for (const frame of frames) {
    const { device, stream, epoch } = frame.header
    const name = `${device}/${stream}/${epoch}`
    const life = lives.get(name) ?? []
    lives.set(name, life)
    life.push(frame)
  }
  return [...lives.values()].flatMap((life) => life.sort((a, b) => a.header.first - b.header.first))
}

function isRepeat(known: Set<string>, { header }: CarriedFrame): boolean {
  const name = `${header.device}/${header.epoch}/${header.stream}/${header.first}`
  const repeat = known.has(name)
  known.add(name)
  return repeat
}

function damageText(path: string, { from, to, torn }: DamagedSpan): string {
  const size = formatByteSize(to - from)
  return torn
    ? `${path}: torn at byte ${from}, the last ${size} cannot be used`
    : `${path}: damaged from byte ${from} to ${to} (${size})`
}

/** For messages. */
function nameOf({ id, device }: Carry): string {
  return `export ${id.slice(0, 8)} of ${device}`
}

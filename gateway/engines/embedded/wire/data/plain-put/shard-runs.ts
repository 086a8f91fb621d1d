import type { ShardRun } from '../../../shard-run.ts'
import type { ShardRow, ShardTable } from '../../../shard-table.ts'
import type { KnownKey } from './key-table.ts'
import type { PlainBody } from './plain-body.ts'

/** A block takes no more, so a run must not be larger. Bytes. */
const maxRunBytes = 1024 * 1024
/** Of a body that is made to text at once: one string for many records. V8 makes larger ones slowly. */
const textBytes = 64 * 1024
const padding = 0x3d

/** The records of a call by shard, each shard's in their order. */
export interface ShardRuns {
  readonly runs: readonly ShardRun[]
  /** Index into `runs` by record. */
  readonly runOf: readonly number[]
}

/** A run that is being put together. */
interface Draft {
  readonly index: number
  readonly row: ShardRow
  readonly keys: string[]
  readonly lens: number[]
  bytes: number
  largestBytes: number
  /** Behind its data that are decoded, in those of all runs. */
  end: number
}

/**
 * Places the records of a body in their shards, those for one shard in one run. Undefined when some
 * data are not base64, and when a run would be over 1 MiB.
 */
export function shardRuns(
  body: Buffer,
  plain: PlainBody,
  shards: ShardTable
): ShardRuns | undefined {
  const drafts: Draft[] = []
  const runOf: number[] = []
  const filling = new Map<ShardRow, Draft>()
  for (let i = 0; i < plain.keys.length; i++) {
    const bytes = decodedBytes(body, plain.starts[i] as number, plain.ends[i] as number)
    const row = shards.openAt(plain.hashes[i] as bigint)
    let draft = filling.get(row)
    if (!draft) {
      draft = { index: drafts.length, row, keys: [], lens: [], bytes: 0, largestBytes: 0, end: 0 }
      filling.set(row, draft)
      drafts.push(draft)
    }
    add(draft, plain.keys[i] as KnownKey, bytes)
    if (draft.bytes > maxRunBytes) return undefined
    runOf.push(draft.index)
  }
  const data = decode(body, plain, { drafts, runOf })
  if (!data) return undefined
  const runs = drafts.map(({ row, keys, lens, largestBytes, bytes, end }) => ({
    row,
    keys,
    lens,
    largestBytes,
    data: data.subarray(end - bytes, end)
  }))
  return { runs, runOf }
}

function add(draft: Draft, { text }: KnownKey, bytes: number): void {
  draft.keys.push(text)
  draft.lens.push(bytes)
  draft.bytes += bytes
  draft.largestBytes = Math.max(draft.largestBytes, bytes + text.length)
}

/** The data of all runs, one behind the other; `end` of each draft is then that of its data. */
function decode(
  body: Buffer,
  { starts, ends }: PlainBody,
  { drafts, runOf }: { readonly drafts: readonly Draft[]; readonly runOf: readonly number[] }
): Buffer | undefined {
  let length = 0
  for (const draft of drafts) {
    draft.end = length
    length += draft.bytes
  }
  const data = Buffer.allocUnsafeSlow(length)
  let text = ''
  let textStart = 0
  for (let i = 0; i < runOf.length; i++) {
    const draft = drafts[runOf[i] as number] as Draft
    const start = starts[i] as number
    const end = ends[i] as number
    const bytes = decodedBytes(body, start, end)
    if (end > textStart + text.length) {
      textStart = start
      text = body.toString('latin1', start, Math.max(end, start + textBytes))
    }
    const encoded = text.slice(start - textStart, end - textStart)
    // What is not base64 is passed over, and tells by the bytes that are missing.
    if (data.write(encoded, draft.end, bytes, 'base64') !== bytes) return undefined
    draft.end += bytes
  }
  return data
}

/** What base64 with all its padding decodes to; any other text decodes to less. */
function decodedBytes(body: Buffer, start: number, end: number): number {
  const quads = Math.ceil((end - start) / 4)
  if (body[end - 1] !== padding || quads === 0) return quads * 3
  return quads * 3 - (body[end - 2] === padding ? 2 : 1)
}

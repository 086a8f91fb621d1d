import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Block, isIntact } from './block.ts'
import { removeStore, rescuePath, setAside, syncDirectory } from './segment-files.ts'
import { SegmentReader } from './segment-reader.ts'
import { type SnapshotEntry, SegmentWriter } from './segment-writer.ts'

/** What came of a damaged segment. */
interface Salvage {
  /** Where the damaged file is now. */
  readonly quarantined: string
  /** Blocks that were read and are in the segment that took its place; 0: nothing took its place. */
  readonly blocks: number
  /** Blocks that were found but are not what was stored. */
  readonly damaged: number
}

/** Blocks to a transaction of the copy. */
const batch = 32

/**
 * Copies what can be read of a damaged segment into a new file, sets the damaged one aside and puts
 * the new one in its place. May be cut off at any point: `endSalvages` then ends it, or it starts anew.
 */
export async function salvageSegment(path: string): Promise<Salvage> {
  const rescue = rescuePath(path)
  await removeStore(rescue)
  const { blocks, damaged } = await copyReadable(path, rescue)
  const quarantined = await setAside(path)
  if (blocks > 0) await rename(rescue, path)
  else await removeStore(rescue)
  await syncDirectory(dirname(path))
  return { quarantined, blocks, damaged }
}

async function copyReadable(path: string, rescue: string) {
  let blocks = 0
  let damaged = 0
  const reader = await SegmentReader.open(path).catch(() => undefined)
  if (!reader) return { blocks, damaged }
  const writer = await SegmentWriter.create(rescue, await readableSnapshot(reader))
  try {
    let pending: Block[] = []
    for await (const block of readableBlocks(reader)) {
      if (!isIntact(block)) {
        damaged += 1
        continue
      }
      blocks += 1
      pending.push(block)
      if (pending.length < batch) continue
      await writer.append(pending)
      pending = []
    }
    if (pending.length > 0) await writer.append(pending)
  } finally {
    await writer.close()
    await reader.close().catch(() => undefined)
  }
  return { blocks, damaged }
}

async function readableSnapshot(reader: SegmentReader): Promise<SnapshotEntry[]> {
  const entries: SnapshotEntry[] = []
  for (const name of await reader.snapshotNames().catch(() => [])) {
    const body = await reader.snapshot(name).catch(() => undefined)
    if (body) entries.push([name, body])
  }
  return entries
}

/** Steps over what SQLite cannot read in strides that double, so a damaged page costs few blocks. */
async function* readableBlocks(reader: SegmentReader): AsyncGenerator<Block> {
  let stride = 1
  for (let from = 0; from <= Number.MAX_SAFE_INTEGER; ) {
    let block: Block | undefined
    try {
      block = await reader.nextBlock(from)
    } catch {
      from += stride
      stride *= 2
      continue
    }
    if (!block) return
    yield block
    from = block.first + 1
    stride = 1
  }
}

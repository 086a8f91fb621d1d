import { HeadwaterError } from '../../../shared/errors.ts'
import { repairLog } from './repair-log.ts'
import { SegmentWriter } from './segment-writer.ts'

/**
 * A segment opened for writing; undefined for a file without its first commit. `check`: it is read
 * as a whole. Rejects with `store_corrupt` also for a damaged log.
 */
export async function openChecked(
  path: string,
  check: boolean
): Promise<SegmentWriter | undefined> {
  if (await repairLog(path)) {
    throw new HeadwaterError('store_corrupt', `${path}-wal: a commit stands behind damaged bytes`)
  }
  const writer = await SegmentWriter.open(path)
  if (!writer || !check) return writer
  try {
    const verdict = await writer.check()
    if (verdict === 'ok') return writer
    throw new HeadwaterError('store_corrupt', `${path}: ${verdict}`)
  } catch (thrown) {
    await writer.close().catch(() => undefined)
    throw thrown
  }
}

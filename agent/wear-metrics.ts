import { readFileSync } from 'node:fs'
import { metricTable, whenKnown } from '../shared/metric-table.ts'
import type { SourceStats } from './sources/source.ts'

interface WithSources {
  readonly sources: Readonly<Record<string, SourceStats>>
}

const { counter } = metricTable<WithSources>('headwater_agent')

/** What the medium has to bear, and for how much. */
export const wearMetrics = [
  counter(
    'written_bytes_total',
    'Bytes this process wrote to disks, as Linux counts them, without the journal of the file system.',
    whenKnown(() => writtenBytes())
  ),
  counter(
    'raw_bytes_total',
    'Bytes of the records read, over all sources, to hold the written ones against.',
    ({ sources }) => Object.values(sources).reduce((sum, { bytes }) => sum + bytes, 0)
  )
]

/** `write_bytes` of proc(5): pages of the page cache that were made dirty. Undefined without it. */
function writtenBytes(): number | undefined {
  try {
    const value = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]
    return value === undefined ? undefined : Number(value)
  } catch {
    return undefined
  }
}

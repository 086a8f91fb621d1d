import { createHash } from 'node:crypto'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { type SequenceSource, sourceKey } from '../../shared/kpl/kpl.ts'
import { decodeSequence } from '../engines/sequence-number.ts'
import type { UserRecord } from '../reading/reader.ts'
import type { AdmittedBatch } from '../sharding/sharding.ts'

/** Members of one foreign aggregate have numbers within a range of this size. */
const membersRange = 2 ** 20
/** Sequence indexes whose members have numbers under one epoch, so that these stay safe integers. */
const epochRange = 2 ** 33

interface Numbered {
  readonly source: SequenceSource
  readonly seq: number
}

/**
 * User records as batches for the lanes: one for each run of records of one source with numbers that
 * follow each other. A record without identity gets one that is made from its place in the stream,
 * so that it has the same when it is carried on a second time.
 */
export function forwardedBatches(records: readonly UserRecord[]): AdmittedBatch[] {
  const batches: AdmittedBatch[] = []
  let run:
    | { readonly first: Numbered; readonly key: string; readonly columns: ColumnsBuilder }
    | undefined
  const close = (stream: string) => {
    if (!run) return
    const { source, seq } = run.first
    const columns = run.columns.build()
    batches.push({ stream, records: columns, source, first: seq, offsetMs: 0, repeatable: false })
  }
  for (const record of records) {
    const numbered = identityOf(record)
    const key = sourceKey(numbered.source)
    if (!run || run.key !== key || run.first.seq + run.columns.count !== numbered.seq) {
      close(record.stream)
      const { partitionKey, time } = record
      run = { first: numbered, key, columns: new ColumnsBuilder({ partitionKey, time }) }
    }
    const { partitionKey, time, attributes } = record
    run.columns.add(record.data, { partitionKey, time, attributes })
  }
  const last = records.at(-1)
  if (last) close(last.stream)
  return batches
}

function identityOf(record: UserRecord): Numbered {
  const { device, epoch, lane, seq } = record
  if (device !== undefined && epoch !== undefined && seq !== undefined) {
    return { source: { device, epoch, lane: lane ?? 0 }, seq }
  }
  const { stream, shard, subSequence, sequence } = record
  const { index = 0, shardCreatedSeconds = 0 } = decodeSequence(sequence) ?? {}
  const place = `${stream}/${shard}/${shardCreatedSeconds}`
  if (record.aggregated) {
    const source = placeSource(`${place}/${Math.floor(index / epochRange)}`)
    return { source, seq: (index % epochRange) * membersRange + subSequence + 1 }
  }
  return { source: placeSource(place), seq: index + 1 }
}

function placeSource(place: string): SequenceSource {
  const epoch = createHash('sha256').update(place).digest('hex').slice(0, 32)
  return { device: 'spool', epoch, lane: 0 }
}

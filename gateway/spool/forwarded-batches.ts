import { hash } from 'node:crypto'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { onceEpochHead, type SequenceSource } from '../../shared/kpl/kpl.ts'
import type { ClockState } from '../../shared/wire/batch.ts'
import { decodeSequence } from '../engines/sequence-number.ts'
import type { UserRecord } from '../reading/reader.ts'
import type { AdmittedBatch } from '../sharding/sharding.ts'

/** Members of one foreign aggregate have numbers within a range of this size. */
const membersRange = 2 ** 20
/** Sequence indexes whose members have numbers under one epoch, so that these stay safe integers. */
const epochRange = 2 ** 33
/** Who sent what carries no identity. */
const spool = 'spool'

interface Numbered {
  readonly source: SequenceSource
  readonly seq: number
}

/**
 * User records of one shard as batches for the lanes: one for each run of records of one source with
 * numbers that follow each other.
 *
 * Within a local shard the numbers of a source rise; over all of them they do not, and the shards of
 * the remote stream are cut differently. So each local shard counts as a source of its own: the
 * epoch is made of it and of the record's own. A record without identity gets one of its place. Both
 * are the same when a record is carried on a second time.
 */
export function forwardedBatches(records: readonly UserRecord[]): AdmittedBatch[] {
  const [head] = records
  if (!head) return []
  const sources = new PlaceSources(head)
  const batches: AdmittedBatch[] = []
  let run: Run | undefined
  const close = () => {
    if (!run) return
    const { source, first, clock, columns } = run
    const rest = { source, first, offsetMs: 0, clock, repeatable: false }
    batches.push({ stream: head.stream, records: columns.build(), ...rest })
  }
  for (const record of records) {
    const { source, seq } = sources.of(record)
    const { partitionKey, time, clock, attributes } = record
    const follows = run && run.first + run.columns.count === seq
    if (!run || !follows || run.source !== source || run.clock !== clock) {
      close()
      run = { source, first: seq, clock, columns: new ColumnsBuilder({ partitionKey, time }) }
    }
    run.columns.add(record.data, { partitionKey, time, attributes })
  }
  close()
  return batches
}

interface Run {
  readonly source: SequenceSource
  readonly clock: ClockState | undefined
  readonly first: number
  readonly columns: ColumnsBuilder
}

/** The sources of one local shard, one object each. */
class PlaceSources {
  readonly #place: string
  readonly #known = new Map<string, SequenceSource>()

  constructor({ stream, shard, sequence }: UserRecord) {
    this.#place = `${stream}/${shard}/${decodeSequence(sequence)?.shardCreatedSeconds}`
  }

  of(record: UserRecord): Numbered {
    const { device, epoch, lane = 0, seq } = record
    if (device !== undefined && epoch !== undefined && seq !== undefined) {
      return { source: this.#source(device, `${epoch}/${lane}`, lane), seq }
    }
    const index = decodeSequence(record.sequence)?.index ?? 0
    if (!record.aggregated) return { source: this.#source(spool, '', 0), seq: index + 1 }
    const source = this.#source(spool, String(Math.floor(index / epochRange)), 0)
    return { source, seq: (index % epochRange) * membersRange + record.subSequence + 1 }
  }

  #source(device: string, within: string, lane: SequenceSource['lane']): SequenceSource {
    const name = `${device}/${within}`
    let source = this.#known.get(name)
    if (!source) {
      const head = within.startsWith(onceEpochHead) ? onceEpochHead : ''
      const epoch = (head + hash('sha256', `${this.#place}/${within}`)).slice(0, 32)
      source = { device, epoch, lane }
      this.#known.set(name, source)
    }
    return source
  }
}

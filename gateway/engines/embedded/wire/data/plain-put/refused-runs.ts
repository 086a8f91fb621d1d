import type { PutOutcome } from '../../../../engine.ts'
import { sequenceStep } from '../../../../sequence-number.ts'
import type { RecordInput } from '../record-input.ts'
import type { RoutedRecords } from '../record-putter.ts'
import type { ShardRuns } from './shard-runs.ts'

export interface PlacedRecords extends ShardRuns {
  readonly stream: string
  /** Where each record belongs. */
  readonly hashes: readonly bigint[]
}

/**
 * The outcome of every record after that of every run is known. Of a run that was refused, because
 * its shard was split meanwhile or the disk is full, each record is put by itself with `put`.
 */
export async function settle(
  { stream, hashes, runs, runOf }: PlacedRecords,
  outcomes: readonly PutOutcome[],
  put: (rest: RoutedRecords) => Promise<readonly PutOutcome[]>
): Promise<PutOutcome[]> {
  const settled: PutOutcome[] = []
  const places: number[] = []
  const rest: RecordInput[] = []
  const cursors = runs.map((run, i) => ({ run, outcome: outcomes[i], record: 0, at: 0 }))
  runOf.forEach((index, place) => {
    const cursor = cursors[index] as (typeof cursors)[number]
    const { run, outcome, record, at } = cursor
    cursor.record += 1
    cursor.at += run.lens[record] ?? 0
    if (outcome?.status === 'stored') {
      settled[place] = { ...outcome, sequence: sequenceBehind(outcome.sequence, record) }
      return
    }
    places.push(place)
    rest.push({ Data: run.data.subarray(at, cursor.at), PartitionKey: run.keys[record] ?? '' })
  })
  const restHashes = places.map((place) => hashes[place] as bigint)
  const answers = await put({ stream, records: rest, hashes: restHashes })
  places.forEach((place, i) => {
    settled[place] = answers[i] as PutOutcome
  })
  return settled
}

function sequenceBehind(first: string, records: number): string {
  return String(BigInt(first) + BigInt(records) * sequenceStep)
}

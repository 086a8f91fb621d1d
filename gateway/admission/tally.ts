import type { Ack } from '../../shared/wire/ack.ts'
import type { AdmissionStats, IncomingBatch } from './admission.ts'

/** Counts what came in and what became of it. */
export class Tally {
  readonly #rejectedRecords: Record<string, number> = {}
  readonly #answers: Record<string, number> = {}
  #receivedRecords = 0
  #receivedBytes = 0
  #storedRecords = 0
  #repeatedRecords = 0

  received(batch: IncomingBatch): void {
    this.#receivedRecords += batch.records.lens.length
    this.#receivedBytes += batch.wireBytes
  }

  /** `repeats`: records of the batch that had been stored before. */
  settled(ack: Ack, repeats: number): void {
    this.#repeatedRecords += repeats
    this.#storedRecords += Math.max(0, ack.count - ack.rejected.length - repeats)
    for (const { code } of ack.rejected) count(this.#rejectedRecords, code)
  }

  answered(ack: Ack): void {
    count(this.#answers, ack.code)
  }

  stats(): Omit<AdmissionStats, 'sources' | 'forgotten'> {
    return {
      receivedRecords: this.#receivedRecords,
      receivedBytes: this.#receivedBytes,
      storedRecords: this.#storedRecords,
      repeatedRecords: this.#repeatedRecords,
      rejectedRecords: { ...this.#rejectedRecords },
      answers: { ...this.#answers }
    }
  }
}

function count(counts: Record<string, number>, code: string): void {
  counts[code] = (counts[code] ?? 0) + 1
}

import type { Ack } from '../../shared/wire/ack.ts'
import type { AdmissionStats, IncomingBatch } from './admission.ts'
import { deviceOf } from './identities.ts'
import type { Ledger } from './ledger.ts'

/** Counts what came in and what became of it, over all and in the account of each device. */
export class Tally {
  readonly #ledger: Ledger
  readonly #rejectedRecords: Record<string, number> = {}
  readonly #answers: Record<string, number> = {}
  #receivedRecords = 0
  #receivedBytes = 0
  #storedRecords = 0
  #repeatedRecords = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  received(batch: IncomingBatch): void {
    this.#receivedRecords += batch.records.lens.length
    this.#receivedBytes += batch.wireBytes
  }

  /** `repeats`: good records of the batch that had been stored before. */
  settled(batch: IncomingBatch, ack: Ack, repeats: number): void {
    this.#repeatedRecords += repeats
    this.#storedRecords += ack.count - ack.rejected.length - repeats
    for (const { code } of ack.rejected) count(this.#rejectedRecords, code)
    this.#ledger.settled(deviceOf(batch), ack, { repeats, bytes: batch.wireBytes })
  }

  /** The batch as a whole was not taken. */
  refused(batch: IncomingBatch, ack: Ack): void {
    this.#ledger.refused(deviceOf(batch), ack, batch.wireBytes)
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

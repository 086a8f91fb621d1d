import type { Parked } from '../buffer/buffer.ts'
import type { Piece } from './frame-reader.ts'

/** What the sender has done since its start. */
export class Counters {
  sentRecords = 0
  sentBytes = 0
  ackedRecords = 0
  rejectedRecords: Record<string, number> = {}
  transportFailures = 0
  retries = 0
  stalls = 0
  /** On the monotonic clock; undefined before the first. */
  lastAckAtMs: number | undefined

  sent({ frame }: Piece): void {
    this.sentRecords += frame.header.count
    this.sentBytes += frame.body.length
  }

  settled({ frame }: Piece, parked: readonly Parked[]): void {
    let rejected = 0
    for (const { code, seqs } of parked) {
      const count = seqs?.length ?? frame.header.count
      rejected += count
      this.rejectedRecords[code] = (this.rejectedRecords[code] ?? 0) + count
    }
    this.ackedRecords += frame.header.count - rejected
  }
}

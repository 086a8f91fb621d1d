import type { Clock } from '../../../../shared/clock.ts'
import type { Log } from '../../../../shared/log.ts'
import type { Random } from '../../../../shared/random.ts'
import type { EmbeddedEngine } from '../embedded-engine.ts'

/** What the operations share. */
export interface WireContext {
  readonly engine: EmbeddedEngine
  /** Whether the throughput limits and rates of Amazon Kinesis are kept. */
  readonly limits: 'none' | 'kinesis'
  /** By how much records must stay below the limit of their stream; default 0. Bytes. */
  readonly spareBytes?: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The account of all ARNs. */
export const accountId = '000000000000'

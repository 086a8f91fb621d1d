import { Backoff } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Attributes } from '../../shared/record.ts'
import type { ShardId } from '../engines/engine.ts'

/** One record that the engine refused for good. */
export interface DeadLetter {
  readonly stream: string
  readonly shard: ShardId
  readonly source: SequenceSource
  readonly seq: number
  readonly partitionKey: string
  readonly time: number
  readonly data: Buffer
  readonly attributes: Attributes | null
  /** What the engine said. */
  readonly message: string
}

/** Resolves when the record is durable where it is parked. */
export type OnDeadLetter = (letter: DeadLetter) => Promise<void>

export interface ParkingOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  readonly onDeadLetter: OnDeadLetter
}

/** Parks a record, trying until it is parked or the program stops: nothing counts as settled before. */
export async function park(letter: DeadLetter, options: ParkingOptions): Promise<void> {
  const { clock, random, log, signal, onDeadLetter } = options
  const backoff = new Backoff({ firstMs: 1000, maxMs: 60_000, random })
  const { stream, shard, message } = letter
  while (!signal.aborted) {
    try {
      await onDeadLetter(letter)
      log.error({ stream, shard, reason: message }, 'record parked, the engine refused it for good')
      return
    } catch (error) {
      log.error({ error, stream, shard }, 'record cannot be parked, trying again')
      await clock.sleep(backoff.next(), signal)
    }
  }
}

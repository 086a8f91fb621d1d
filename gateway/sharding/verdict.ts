import type { PutOutcome, ShardId } from '../engines/engine.ts'
import type { Parcel } from './parcel.ts'

/** What a put came to, for one lane. */
export interface Verdict {
  readonly stored: readonly Parcel[]
  /** What is not stored, in order, refused parcels among them. */
  readonly left: readonly Parcel[]
  /** Never to be taken as they are, with the engine's words. */
  readonly refused: ReadonlyMap<Parcel, string>
  /** Over the shard's throughput: how long to wait at least, where the engine says so. */
  readonly throttledMs?: number
  /** Nothing is known, or it may work later: send the same bytes again. */
  readonly failed?: string
  /** Something was refused because the shard map is out of date; nothing of that was stored. */
  readonly misrouted: boolean
  /** Something is stored in another shard than the map says. */
  readonly elsewhere: boolean
}

export function judge(
  parcels: readonly Parcel[],
  outcomes: readonly PutOutcome[],
  shard: ShardId
): Verdict {
  const stored: Parcel[] = []
  const left: Parcel[] = []
  const refused = new Map<Parcel, string>()
  let throttledMs: number | undefined
  let failed: string | undefined
  let misrouted = false
  let elsewhere = false
  parcels.forEach((parcel, i) => {
    const outcome = outcomes[i] ?? noOutcome
    if (outcome.status === 'stored') {
      stored.push(parcel)
      elsewhere ||= outcome.shard !== shard
      return
    }
    left.push(parcel)
    if (outcome.status === 'throttled') {
      throttledMs = Math.max(throttledMs ?? 0, outcome.retryAfterMs ?? 0)
    } else if (outcome.status === 'wrong_shard') misrouted = true
    else if (outcome.retryable) failed = outcome.message
    else refused.set(parcel, outcome.message)
  })
  return {
    stored,
    left,
    refused,
    misrouted,
    elsewhere,
    ...(throttledMs === undefined ? {} : { throttledMs }),
    ...(failed === undefined ? {} : { failed })
  }
}

const noOutcome: PutOutcome = {
  status: 'failed',
  message: 'the engine gave no outcome for an entry',
  retryable: true
}

import type { Commitment } from '../../catalog.ts'

/** The least time between switching the commitment on and its end. */
export const leastCommitmentMs = 24 * 3_600_000

/** `MinimumThroughputBillingCommitmentOutputStatus` of the API. */
export type CommitmentStatus = 'ENABLED' | 'ENABLED_UNTIL_EARLIEST_ALLOWED_END' | 'DISABLED'

export function commitmentStatus({ startMs, endMs }: Commitment, nowMs: number): CommitmentStatus {
  if (startMs === 0) return 'DISABLED'
  if (endMs === 0) return 'ENABLED'
  return nowMs < endMs ? 'ENABLED_UNTIL_EARLIEST_ALLOWED_END' : 'DISABLED'
}

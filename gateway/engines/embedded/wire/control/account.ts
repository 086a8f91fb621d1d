import { z } from 'zod'
import type { Commitment } from '../../catalog.ts'
import { type Operations, operation, type WireObject } from '../operation.ts'
import type { WireContext } from '../wire-context.ts'
import { accountLimits, accountUsage } from './account-limits.ts'
import { commitmentStatus, leastCommitmentMs } from './commitment-status.ts'

/** `DescribeLimits` and the settings of the account. */
export function account({ engine, clock }: WireContext): Operations {
  const settings = (commitment: Commitment): WireObject => ({
    MinimumThroughputBillingCommitment: commitmentShape(commitment, clock.wallMs())
  })
  return {
    DescribeLimits: operation(z.object({}), () => {
      const { openShards, onDemandStreams } = accountUsage(engine)
      return {
        ShardLimit: accountLimits.openShards,
        OpenShardCount: openShards,
        OnDemandStreamCount: onDemandStreams,
        OnDemandStreamCountLimit: accountLimits.onDemandStreams,
        ChannelCount: 0,
        ChannelCountLimit: 0
      }
    }),

    DescribeAccountSettings: operation(z.object({}), async () =>
      settings(await engine.commitment())
    ),

    UpdateAccountSettings: operation(
      z.object({
        MinimumThroughputBillingCommitment: z.object({ Status: z.enum(['ENABLED', 'DISABLED']) })
      }),
      async ({ MinimumThroughputBillingCommitment: { Status } }) => {
        const before = await engine.commitment()
        const after = changed(before, Status, clock.wallMs())
        if (after !== before) await engine.saveCommitment(after)
        return settings(after)
      }
    )
  }
}

/** The same one when nothing changes. */
function changed(before: Commitment, status: 'ENABLED' | 'DISABLED', nowMs: number): Commitment {
  const now = commitmentStatus(before, nowMs)
  if (status === 'ENABLED') {
    if (now === 'ENABLED') return before
    const startMs = now === 'DISABLED' ? nowMs : before.startMs
    return { startMs, endMs: 0 }
  }
  if (now !== 'ENABLED') return before
  return { ...before, endMs: Math.max(nowMs, before.startMs + leastCommitmentMs) }
}

/** `MinimumThroughputBillingCommitmentOutput` of the API. */
function commitmentShape(commitment: Commitment, nowMs: number): WireObject {
  const { startMs, endMs } = commitment
  const status = commitmentStatus(commitment, nowMs)
  if (startMs === 0) return { Status: status }
  return {
    Status: status,
    StartedAt: new Date(startMs),
    EndedAt: status === 'DISABLED' ? new Date(endMs) : undefined,
    EarliestAllowedEndAt: new Date(startMs + leastCommitmentMs)
  }
}

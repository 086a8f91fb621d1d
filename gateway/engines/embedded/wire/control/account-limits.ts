import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

/** Quotas of Amazon Kinesis in its large regions; they bound what clients can make here. */
export const accountLimits = {
  openShards: 20_000,
  onDemandStreams: 50,
  consumersOfStream: 20,
  tagsOfResource: 50
} as const

export interface AccountUsage {
  readonly openShards: number
  readonly onDemandStreams: number
}

export function accountUsage(engine: EmbeddedEngine): AccountUsage {
  let openShards = 0
  let onDemandStreams = 0
  for (const stats of engine.stats().streams) {
    openShards += stats.openShards
    if (engine.definition(stats.stream).settings.mode === 'ON_DEMAND') onDemandStreams += 1
  }
  return { openShards, onDemandStreams }
}

/** Throws `LimitExceededException` unless the account may have `more` open shards. */
export function requireShards(engine: EmbeddedEngine, more: number, region: string): void {
  const { openShards } = accountUsage(engine)
  if (openShards + more <= accountLimits.openShards) return
  throw new WireError(
    'LimitExceededException',
    `This request would exceed the shard limit for the account ${accountId} in ${region}. ` +
      `Current shard count for the account: ${openShards}. Limit: ${accountLimits.openShards}. ` +
      `Number of additional shards that would have resulted from this request: ${more}.`
  )
}

/** Throws `LimitExceededException` unless there may be one more on-demand stream. */
export function requireOnDemandStream(engine: EmbeddedEngine): void {
  if (accountUsage(engine).onDemandStreams < accountLimits.onDemandStreams) return
  throw new WireError(
    'LimitExceededException',
    `Account ${accountId} has reached its limit of ${accountLimits.onDemandStreams} on-demand streams.`
  )
}

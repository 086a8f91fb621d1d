import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { maxOpenShards } from '../../stream-definition.ts'
import type { StreamSettings } from '../../stream-settings.ts'
import type { WireObject } from '../operation.ts'
import type { WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { commitmentStatus } from './commitment-status.ts'

const maxMiBps = 10 * 1024

/** Open shards that take this much; one takes 1 MiB/s. */
export function shardsFor(mebibytesPerSecond: number): number {
  return Math.min(mebibytesPerSecond, maxOpenShards)
}

/** Makes an on-demand stream as wide as its warm throughput needs; it is never made narrower. */
export async function warmUp(
  engine: EmbeddedEngine,
  stream: string,
  mebibytesPerSecond: number
): Promise<void> {
  const count = shardsFor(mebibytesPerSecond)
  if (engine.definition(stream).shards.open().length < count) await engine.scale(stream, count)
}

/** Throws `InvalidArgumentException` unless a stream of this mode may have this warm throughput. */
export async function requireWarmThroughput(
  { engine, clock }: WireContext,
  mode: StreamSettings['mode'],
  mebibytesPerSecond: number
): Promise<void> {
  if (mode !== 'ON_DEMAND') throw refusal('WarmThroughputMiBps is for on-demand streams.')
  if (mebibytesPerSecond > maxMiBps) {
    throw refusal(`WarmThroughputMiBps can be at most ${maxMiBps}.`)
  }
  if (commitmentStatus(await engine.commitment(), clock.wallMs()) !== 'DISABLED') return
  throw refusal(
    'WarmThroughputMiBps needs MinimumThroughputBillingCommitment; switch it on with UpdateAccountSettings.'
  )
}

/** `WarmThroughputObject` of the API: what was asked for is there when the answer goes out. */
export function warmThroughput({ warmThroughputMiBps }: StreamSettings): WireObject | undefined {
  if (warmThroughputMiBps === undefined) return undefined
  return { TargetMiBps: warmThroughputMiBps, CurrentMiBps: warmThroughputMiBps }
}

function refusal(message: string): WireError {
  return new WireError('InvalidArgumentException', message)
}

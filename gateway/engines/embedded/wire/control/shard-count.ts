import { z } from 'zod'
import { maxOpenShards } from '../../stream-definition.ts'
import { type Operations, operation } from '../operation.ts'
import { streamMembers } from '../shapes.ts'
import { streamArnOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { requireShards } from './account-limits.ts'
import { shardTotal } from './control-shapes.ts'
import { provisionedStream } from './provisioned-stream.ts'

/** `UpdateShardCount`. All shards that it takes are made at once, before the answer goes out. */
export function shardCount({ engine, limits }: WireContext): Operations {
  return {
    UpdateShardCount: operation(
      z.object({
        ...streamMembers,
        TargetShardCount: shardTotal(),
        ScalingType: z.enum(['UNIFORM_SCALING'])
      }),
      async (input, { region }) => {
        const { name, shards } = provisionedStream(engine, input)
        const target = input.TargetShardCount
        const current = shards.open().length
        requireTarget(target, current, limits)
        requireShards(engine, target - current, region)
        await engine.scale(name, target)
        return {
          StreamName: name,
          StreamARN: streamArnOf(name, region),
          CurrentShardCount: current,
          TargetShardCount: target
        }
      }
    )
  }
}

function requireTarget(target: number, current: number, limits: WireContext['limits']): void {
  const counts = `Current open shard count: ${current} Target shard count: ${target}`
  if (target > maxOpenShards) {
    throw new WireError(
      'LimitExceededException',
      `UpdateShardCount cannot scale over ${maxOpenShards} open shards. ${counts}`
    )
  }
  if (limits === 'none') return
  if (target > current * 2) {
    throw new WireError(
      'LimitExceededException',
      `UpdateShardCount cannot scale up over double your current open shard count. ${counts}`
    )
  }
  if (target * 2 < current) {
    throw new WireError(
      'LimitExceededException',
      `UpdateShardCount cannot scale down below half your current open shard count. ${counts}`
    )
  }
}

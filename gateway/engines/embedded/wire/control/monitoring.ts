import { z } from 'zod'
import { type Operations, operation } from '../operation.ts'
import { streamMembers } from '../shapes.ts'
import { definitionOf, type StreamMembers, streamArnOf, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { changeSettings } from './stream-change.ts'

const metrics = [
  'IncomingBytes',
  'IncomingRecords',
  'OutgoingBytes',
  'OutgoingRecords',
  'WriteProvisionedThroughputExceeded',
  'ReadProvisionedThroughputExceeded',
  'IteratorAgeMilliseconds'
] as const

const shape = z.object({
  ...streamMembers,
  ShardLevelMetrics: z
    .array(z.enum([...metrics, 'ALL']))
    .min(1)
    .max(7)
})

/** `EnableEnhancedMonitoring` and `DisableEnhancedMonitoring`: the names are kept and echoed. */
export function monitoring({ engine }: WireContext): Operations {
  const change = async (
    members: StreamMembers,
    region: string,
    isOn: (metric: string, before: readonly string[]) => boolean
  ) => {
    const name = streamOf(members)
    let before: readonly string[] = []
    await changeSettings(engine, members, (settings) => {
      before = settings.shardLevelMetrics
      const shardLevelMetrics = metrics.filter((metric) => isOn(metric, before))
      return { ...settings, shardLevelMetrics }
    })
    return {
      StreamName: name,
      StreamARN: streamArnOf(name, region),
      CurrentShardLevelMetrics: before,
      DesiredShardLevelMetrics: definitionOf(engine, name).settings.shardLevelMetrics
    }
  }
  return {
    EnableEnhancedMonitoring: operation(shape, (input, { region }) =>
      change(
        input,
        region,
        (metric, before) => before.includes(metric) || isNamed(metric, input.ShardLevelMetrics)
      )
    ),

    DisableEnhancedMonitoring: operation(shape, (input, { region }) =>
      change(
        input,
        region,
        (metric, before) => before.includes(metric) && !isNamed(metric, input.ShardLevelMetrics)
      )
    )
  }
}

function isNamed(metric: string, names: readonly string[]): boolean {
  return names.includes('ALL') || names.includes(metric)
}

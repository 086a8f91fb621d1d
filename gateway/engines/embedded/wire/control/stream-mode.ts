import { z } from 'zod'
import { type Operations, operation } from '../operation.ts'
import { streamArn, streamMembers } from '../shapes.ts'
import { definitionOf, streamArnOf, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { requireOnDemandStream } from './account-limits.ts'
import { maxRecordSizeInKiB, streamModeDetails, warmThroughputMiBps } from './control-shapes.ts'
import { changeSettings, changeStream } from './stream-change.ts'
import { requireWarmThroughput, warmThroughput, warmUp } from './warm-throughput.ts'

/** `UpdateStreamMode`, `UpdateStreamWarmThroughput` and `UpdateMaxRecordSize`. */
export function streamMode(context: WireContext): Operations {
  const { engine } = context
  return {
    // The shards stay as they are, as with Amazon Kinesis.
    UpdateStreamMode: operation(
      z.object({
        StreamARN: streamArn(),
        StreamModeDetails: streamModeDetails(),
        WarmThroughputMiBps: warmThroughputMiBps().optional()
      }),
      async (input) => {
        const mode = input.StreamModeDetails.StreamMode
        const warm = input.WarmThroughputMiBps
        const name = streamOf(input)
        const isNew = definitionOf(engine, name).settings.mode !== mode
        if (warm !== undefined) await requireWarmThroughput(context, mode, warm)
        if (mode === 'ON_DEMAND' && isNew) requireOnDemandStream(engine)
        await changeSettings(engine, input, (settings) => ({
          ...settings,
          mode,
          warmThroughputMiBps:
            mode === 'ON_DEMAND' ? (warm ?? settings.warmThroughputMiBps) : undefined
        }))
        await warmUp(engine, name, warm ?? 0)
        return undefined
      }
    ),

    UpdateStreamWarmThroughput: operation(
      z.object({ ...streamMembers, WarmThroughputMiBps: warmThroughputMiBps() }),
      async (input, { region }) => {
        const name = streamOf(input)
        const warm = input.WarmThroughputMiBps
        await requireWarmThroughput(context, definitionOf(engine, name).settings.mode, warm)
        await changeSettings(engine, input, (settings) => ({
          ...settings,
          warmThroughputMiBps: warm
        }))
        await warmUp(engine, name, warm)
        return {
          StreamName: name,
          StreamARN: streamArnOf(name, region),
          WarmThroughput: warmThroughput(engine.definition(name).settings)
        }
      }
    ),

    UpdateMaxRecordSize: operation(
      z.object({ ...streamMembers, MaxRecordSizeInKiB: maxRecordSizeInKiB() }),
      async (input) => {
        const maxRecordBytes = input.MaxRecordSizeInKiB * 1024
        await changeStream(engine, input, (definition) => ({ ...definition, maxRecordBytes }))
        return undefined
      }
    )
  }
}

import { asHeadwaterError } from '../../../../shared/errors.ts'
import type { EmbeddedEngine } from '../embedded-engine.ts'
import type { ShardRow } from '../shard-table.ts'
import type { StreamDefinition } from '../stream-definition.ts'
import { accountId } from './wire-context.ts'
import { WireError } from './wire-error.ts'

/** How a request says which stream it means. */
export interface StreamMembers {
  readonly StreamName?: string | undefined
  readonly StreamARN?: string | undefined
}

export function streamArnOf(name: string, region: string): string {
  return `arn:aws:kinesis:${region}:${accountId}:stream/${name}`
}

/**
 * The name of the stream that is meant; partition, region and account of an ARN are not looked at.
 * Throws `InvalidArgumentException` when none is named, or two.
 */
export function streamOf({ StreamName, StreamARN }: StreamMembers): string {
  const ofArn = StreamARN?.slice(StreamARN.indexOf(':stream/') + ':stream/'.length)
  const name = StreamName ?? ofArn
  if (name === undefined) {
    throw new WireError('InvalidArgumentException', 'Either StreamName or StreamARN must be given.')
  }
  if (ofArn !== undefined && ofArn !== name) {
    throw new WireError(
      'InvalidArgumentException',
      `StreamARN ${StreamARN} is not of the stream ${name} that StreamName gives.`
    )
  }
  return name
}

/** The stream as it is now. Throws `ResourceNotFoundException`. */
export function definitionOf(engine: EmbeddedEngine, name: string): StreamDefinition {
  try {
    return engine.definition(name)
  } catch (thrown) {
    if (asHeadwaterError(thrown).code !== 'unknown_stream') throw thrown
    const message = `Stream ${name} under account ${accountId} not found.`
    throw new WireError('ResourceNotFoundException', message, { cause: thrown })
  }
}

/** A shard that can be read. Throws `ResourceNotFoundException`. */
export function shardOf({ name, shards }: StreamDefinition, shardId: string): ShardRow {
  const row = shards.byId(shardId)
  if (row) return row
  throw new WireError(
    'ResourceNotFoundException',
    `Shard ${shardId} in stream ${name} under account ${accountId} does not exist`
  )
}

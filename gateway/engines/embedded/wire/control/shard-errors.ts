import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

export function noShard(shard: string, stream: string, options?: ErrorOptions): WireError {
  return new WireError(
    'ResourceNotFoundException',
    `Could not find shard ${shard} in stream ${stream} under account ${accountId}.`,
    options
  )
}

export function shardClosed(shard: string, stream: string): WireError {
  return new WireError(
    'ResourceInUseException',
    `Shard ${shard} in stream ${stream} under account ${accountId} has already been merged or split, and thus is not eligible for merging or splitting.`
  )
}

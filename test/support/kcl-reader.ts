import { createHash } from 'node:crypto'
import type { Shard, StreamRecord } from '../../gateway/engines/engine.ts'
import { decodeAggregate } from '../../shared/kpl/deaggregate.ts'

const noHashKey = 0xffffffff

export interface KclRead {
  /** Data of all user records that are handed to the application. */
  readonly texts: readonly string[]
  /** Aggregates of which none is. */
  readonly dropped: number
}

/**
 * What an application on the Kinesis Client Library gets of one shard: user records as they come,
 * with no regard to identity, and none of an aggregate that has a member whose effective hash key
 * (its own, else MD5 of its partition key) lies outside of the shard.
 */
export function readAsKcl(shard: Shard, records: readonly StreamRecord[]): KclRead {
  const texts: string[] = []
  let dropped = 0
  for (const { data } of records) {
    const members = decodeAggregate(data)
    if (!members) {
      texts.push(data.toString())
      continue
    }
    const hashes = Array.from({ length: members.count }, (_, i) => {
      const explicit = members.explicitHashKey[i] ?? noHashKey
      if (explicit !== noHashKey) return BigInt(members.explicitHashKeys[explicit] ?? '0')
      return md5(members.partitionKeys[members.partitionKey[i] ?? 0] ?? '')
    })
    if (hashes.every((hash) => shard.range.start <= hash && hash <= shard.range.end)) {
      texts.push(...members.data.map(String))
    } else dropped += 1
  }
  return { texts, dropped }
}

function md5(text: string): bigint {
  return BigInt(`0x${createHash('md5').update(text).digest('hex')}`)
}

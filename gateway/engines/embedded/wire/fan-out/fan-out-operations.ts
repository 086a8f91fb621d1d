import type { Operations } from '../operation.ts'
import type { WireContext } from '../wire-context.ts'
import { subscribeToShard } from './subscribe-to-shard.ts'

/** What pushes records to consumers with enhanced fan-out. */
export function fanOutOperations(context: WireContext): Operations {
  return { SubscribeToShard: subscribeToShard(context) }
}

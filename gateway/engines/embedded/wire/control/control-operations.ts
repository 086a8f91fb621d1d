import type { Operations } from '../operation.ts'
import type { WireContext } from '../wire-context.ts'
import { account } from './account.ts'
import { withCallLimits } from './call-limits.ts'
import { consumers } from './consumers.ts'
import { encryption } from './encryption.ts'
import { monitoring } from './monitoring.ts'
import { policies } from './policies.ts'
import { resharding } from './resharding.ts'
import { retention } from './retention.ts'
import { shardCount } from './shard-count.ts'
import { streamLifecycle } from './stream-lifecycle.ts'
import { streamListing } from './stream-listing.ts'
import { streamMode } from './stream-mode.ts'
import { tagging } from './tagging.ts'

const groups = [
  streamLifecycle,
  streamListing,
  streamMode,
  resharding,
  shardCount,
  retention,
  encryption,
  monitoring,
  consumers,
  tagging,
  policies,
  account
]

/** The operations of the control plane: everything but records and iterators. */
export function controlOperations(context: WireContext): Operations {
  const operations = Object.assign({}, ...groups.map((group) => group(context)))
  return context.limits === 'kinesis' ? withCallLimits(operations, context.clock) : operations
}

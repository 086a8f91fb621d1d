import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { definitionOf, type StreamMembers, streamOf } from '../stream-identity.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

/** The stream that is meant. Throws `ValidationException` for one whose shards are not the client's to set. */
export function provisionedStream(
  engine: EmbeddedEngine,
  members: StreamMembers
): StreamDefinition {
  const definition = definitionOf(engine, streamOf(members))
  if (definition.settings.mode === 'PROVISIONED') return definition
  throw new WireError(
    'ValidationException',
    `Request is invalid. Stream ${definition.name} under account ${accountId} is in On-Demand mode.`
  )
}

import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import type { StreamConsumer, StreamSettings } from '../../stream-settings.ts'
import { type ConsumerOfStream, consumerNamed } from '../consumer-identity.ts'
import { definitionOf, type StreamMembers, streamOf } from '../stream-identity.ts'

/**
 * Changes what is known of the stream that is meant; durable when it resolves. `change` sees the
 * stream as it is between two commits, and throws to refuse.
 */
export async function changeStream(
  engine: EmbeddedEngine,
  members: StreamMembers,
  change: (definition: StreamDefinition) => StreamDefinition
): Promise<void> {
  const name = streamOf(members)
  definitionOf(engine, name)
  await engine.alter(name, change)
}

/** As `changeStream`, for the settings alone. */
export function changeSettings(
  engine: EmbeddedEngine,
  members: StreamMembers,
  change: (settings: StreamSettings) => StreamSettings
): Promise<void> {
  return changeStream(engine, members, (definition) => ({
    ...definition,
    settings: change(definition.settings)
  }))
}

/** As `changeStream`, for one consumer; `change` leaves it out to let it go. */
export function changeConsumer(
  engine: EmbeddedEngine,
  { stream, consumer }: ConsumerOfStream,
  change: (consumer: StreamConsumer) => StreamConsumer | undefined
): Promise<void> {
  return changeSettings(engine, { StreamName: stream }, (settings) => {
    consumerNamed(engine, stream, consumer.name)
    const consumers = settings.consumers.flatMap((one) =>
      one.name === consumer.name ? (change(one) ?? []) : [one]
    )
    return { ...settings, consumers }
  })
}

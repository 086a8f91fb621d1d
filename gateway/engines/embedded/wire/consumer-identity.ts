import type { EmbeddedEngine } from '../embedded-engine.ts'
import type { StreamConsumer } from '../stream-settings.ts'
import { definitionOf, streamArnOf } from './stream-identity.ts'
import { accountId } from './wire-context.ts'
import { WireError } from './wire-error.ts'

/** A consumer and the stream that it belongs to. */
export interface ConsumerOfStream {
  readonly stream: string
  readonly consumer: StreamConsumer
}

const arnPattern = /:stream\/([\w.-]+)\/consumer\/([\w.-]+):(\d+)$/

export function consumerArnOf({ stream, consumer }: ConsumerOfStream, region: string): string {
  return `${streamArnOf(stream, region)}/consumer/${consumer.name}:${consumer.createdSeconds}`
}

export function isConsumerArn(arn: string): boolean {
  return arnPattern.test(arn)
}

/**
 * The consumer that an ARN means; one that was registered anew under the same name is another.
 * Throws `ResourceNotFoundException`, and `InvalidArgumentException` for what is no such ARN.
 */
export function consumerOf(engine: EmbeddedEngine, arn: string): ConsumerOfStream {
  const [, stream = '', name = '', createdSeconds] = arnPattern.exec(arn) ?? []
  if (createdSeconds === undefined) {
    throw new WireError('InvalidArgumentException', `ConsumerARN ${arn} is not that of a consumer.`)
  }
  const found = consumerNamed(engine, stream, name)
  if (found.consumer.createdSeconds !== Number(createdSeconds)) throw noConsumer(stream, name)
  return found
}

/** Throws `ResourceNotFoundException`. */
export function consumerNamed(
  engine: EmbeddedEngine,
  stream: string,
  name: string
): ConsumerOfStream {
  const { consumers } = definitionOf(engine, stream).settings
  const consumer = consumers.find((one) => one.name === name)
  if (!consumer) throw noConsumer(stream, name)
  return { stream, consumer }
}

function noConsumer(stream: string, name: string): WireError {
  return new WireError(
    'ResourceNotFoundException',
    `Consumer ${name} under stream ${stream} under account ${accountId} not found.`
  )
}

import type { Clock } from '../../../../../shared/clock.ts'
import type { EventStream } from '../operation.ts'
import type { HttpResponse } from '../transport/http-exchange.ts'
import type { WireError } from '../wire-error.ts'
import { eventFrame } from './event-frame.ts'
import { taken } from './patient-write.ts'
import { wireErrorOf } from './wire-error-of.ts'
import type { WireFormat } from './wire-format.ts'

export interface EventAnswer {
  readonly response: HttpResponse
  readonly format: WireFormat
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Told of the error that ended the stream, if one did. */
  readonly onError: (error: WireError) => void
}

/**
 * Sends events until there are no more; the next one is asked for when the client has taken the one
 * before. An error after the first byte is the last event.
 */
export async function sendEvents(stream: EventStream, answer: EventAnswer): Promise<void> {
  const { response, format, signal, clock, onError } = answer
  const { contentType } = format
  const send = async (headers: Readonly<Record<string, string>>, payload: Buffer) => {
    if (response.destroyed || response.write(eventFrame(headers, payload))) return
    await taken(response, 'drain', { clock, signal })
  }
  response.setHeader('content-type', 'application/vnd.amazon.eventstream')
  const event = { ':message-type': 'event', ':content-type': contentType }
  try {
    // botocore refuses a stream that begins with anything else.
    await send({ ':event-type': 'initial-response', ...event }, format.encode({}))
    for await (const { type, payload } of stream.events) {
      await send({ ':event-type': type, ...event }, format.encode(payload))
    }
  } catch (thrown) {
    if (!signal.aborted) {
      const error = wireErrorOf(thrown)
      onError(error)
      const exception = { ...event, ':message-type': 'exception', ':exception-type': error.type }
      response.write(eventFrame(exception, format.encode({ message: error.message })))
    }
  }
  response.end()
}

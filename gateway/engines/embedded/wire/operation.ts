import type { z } from 'zod'
import { parseInput } from './shapes.ts'

/**
 * A value as operations see it, whatever the content type: blobs are buffers, timestamps dates.
 * A member that is undefined is left out.
 */
export type WireValue =
  | string
  | number
  | boolean
  | Buffer
  | Date
  | undefined
  | readonly WireValue[]
  | WireObject

export interface WireObject {
  readonly [member: string]: WireValue
}

/** Who asks, and how long they wait. */
export interface Call {
  readonly operation: string
  /** Region of the credential scope; ARNs are made with it. */
  readonly region: string
  /** Aborts when the client is gone or the server stops; made when it is asked for. */
  readonly signal: AbortSignal
  /** Whether `signal` has aborted, without making one. */
  readonly isOver: boolean
}

/** One event of an event stream; `type` is the member of the union. */
export interface WireEvent {
  readonly type: string
  readonly payload: WireObject
}

/** An answer that goes on: events until the iteration ends. A `WireError` that it throws is the last event. */
export interface EventStream {
  readonly events: AsyncIterable<WireEvent>
}

export type Answer = WireObject | EventStream | undefined

/** One operation of the API. Rejects with `WireError`, or with a `HeadwaterError` that is translated. */
export interface Operation {
  /** Largest answer; room for it is made before it runs. Bytes; absent for one that is always small. */
  readonly mostAnswerBytes?: number
  /** `input` is the decoded body. */
  answer(input: unknown, call: Call): Promise<Answer>
  /**
   * A short way from a JSON body to the answer in JSON, which are those of `answer`. Undefined for
   * a body that it does not know its way with; nothing has happened then.
   */
  answerPlain?(body: Buffer, call: Call): Promise<Buffer> | undefined
}

/** Operations by name. */
export type Operations = Readonly<Record<string, Operation>>

/** An operation that takes what `shape` describes; anything else is answered with the service's own texts. */
export function operation<Shape extends z.ZodType>(
  shape: Shape,
  run: (input: z.output<Shape>, call: Call) => Promise<Answer> | Answer,
  bounds: Pick<Operation, 'mostAnswerBytes'> = {}
): Operation {
  return { ...bounds, answer: async (input, call) => run(parseInput(shape, input), call) }
}

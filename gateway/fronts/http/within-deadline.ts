import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { type BatchName, refusalAck } from '../../../shared/wire/refusal-ack.ts'

/** The answer of admission, or `unavailable` for the batch of this name when it takes too long. */
export async function withinDeadline(
  work: Promise<Ack>,
  name: BatchName,
  { clock, deadlineMs }: { readonly clock: Clock; readonly deadlineMs: number }
): Promise<Ack> {
  const timer = new AbortController()
  const late = clock.sleep(deadlineMs, timer.signal).then(() => undefined)
  const ack = await Promise.race([work, late])
  timer.abort()
  if (ack) return ack
  const message = `not durable after ${deadlineMs} ms; the work goes on: send it again, with the same numbers or the same Idempotency-Key`
  return refusalAck(name, new HeadwaterError('unavailable', message))
}

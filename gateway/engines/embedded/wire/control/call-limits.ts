import type { Clock } from '../../../../../shared/clock.ts'
import { CallLog } from './call-log.ts'
import type { Operation, Operations } from '../operation.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

interface CallLimit {
  readonly calls: number
  /** What shares the limit: the streams of the account, or one stream. */
  readonly of: 'account' | 'stream'
}

const secondMs = 1000
const dayMs = 86_400_000
const maxNameChars = 128

const perSecondUnlessListed: CallLimit = { calls: 5, of: 'account' }

const perSecond: Readonly<Record<string, CallLimit>> = {
  DescribeLimits: { calls: 1, of: 'account' },
  DescribeStream: { calls: 10, of: 'account' },
  DescribeStreamConsumer: { calls: 20, of: 'stream' },
  DescribeStreamSummary: { calls: 20, of: 'account' },
  DeregisterStreamConsumer: { calls: 5, of: 'stream' },
  ListStreamConsumers: { calls: 5, of: 'stream' },
  RegisterStreamConsumer: { calls: 5, of: 'stream' }
}

/** Only calls that did something count. */
const perDay: Readonly<Record<string, CallLimit>> = {
  StartStreamEncryption: { calls: 25, of: 'stream' },
  StopStreamEncryption: { calls: 25, of: 'stream' },
  UpdateShardCount: { calls: 10, of: 'stream' },
  UpdateStreamMode: { calls: 2, of: 'stream' }
}

/**
 * The same operations with the rates of Amazon Kinesis: what is called more often is answered with
 * `LimitExceededException`. Calls are counted in memory, from the start of the gateway.
 */
export function withCallLimits(operations: Operations, clock: Clock): Operations {
  const log = new CallLog(clock)
  return Object.fromEntries(
    Object.entries(operations).map(([name, inner]) => [name, limited(name, inner, log)])
  )
}

function limited(name: string, inner: Operation, log: CallLog): Operation {
  const rate = perSecond[name] ?? perSecondUnlessListed
  const daily = perDay[name]
  return {
    answer: async (input, call) => {
      const stream = streamIn(input)
      const keyOf = (limit: CallLimit) => (limit.of === 'account' ? name : `${name} ${stream}`)
      const rateKey = keyOf(rate)
      if (log.has(rateKey, rate.calls, secondMs)) throw rateExceeded(stream)
      log.add(rateKey, rate.calls)
      if (!daily) return inner.answer(input, call)
      const dailyKey = `daily ${keyOf(daily)}`
      if (log.has(dailyKey, daily.calls, dayMs)) throw dailyExceeded(name, daily.calls)
      const answer = await inner.answer(input, call)
      log.add(dailyKey, daily.calls)
      return answer
    }
  }
}

/**
 * The stream that a body names, before it is known whether the body is good: cut off where no name
 * is longer, empty when there is none.
 */
function streamIn(input: unknown): string {
  if (typeof input !== 'object' || input === null) return ''
  const { StreamName, StreamARN, ConsumerARN, ResourceARN } = input as Record<string, unknown>
  if (typeof StreamName === 'string') return StreamName.slice(0, maxNameChars)
  const arn = [StreamARN, ConsumerARN, ResourceARN].find((one) => typeof one === 'string') ?? ''
  return /:stream\/([^/]{1,128})/.exec(arn)?.[1] ?? ''
}

function rateExceeded(stream: string): WireError {
  const of = stream === '' ? 'for' : `for stream ${stream} under`
  return new WireError('LimitExceededException', `Rate exceeded ${of} account ${accountId}.`)
}

function dailyExceeded(name: string, calls: number): WireError {
  return new WireError(
    'LimitExceededException',
    `${name} can be called ${calls} times in 24 hours for a stream under account ${accountId}.`
  )
}

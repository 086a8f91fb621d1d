import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { EmbeddedEngine } from '../../../../../../gateway/engines/embedded/embedded-engine.ts'
import { controlOperations } from '../../../../../../gateway/engines/embedded/wire/control/control-operations.ts'
import type { WireObject } from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import type { WireContext } from '../../../../../../gateway/engines/embedded/wire/wire-context.ts'
import { WireError } from '../../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { systemRandom } from '../../../../../../shared/random.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { runningEngine } from '../../running-engine.ts'

const never = new AbortController().signal

/** Calls an operation in region `eu-test-1`; resolves with its answer, empty when it has none. */
export type Call = (operation: string, input?: WireObject) => Promise<WireObject>

export interface ControlPlane {
  readonly call: Call
  readonly engine: EmbeddedEngine
  readonly clock: ManualClock
}

/** The operations of the control plane on an engine in a directory of its own. */
export async function controlPlane(
  t: TestContext,
  options: { readonly limits?: WireContext['limits']; readonly clock?: ManualClock } = {}
): Promise<ControlPlane> {
  const { limits = 'none', clock = new ManualClock() } = options
  const engine = await runningEngine(t, await tempDir(t), { clock })
  return { call: callerOf(engine, { limits, clock }), engine, clock }
}

export function callerOf(
  engine: EmbeddedEngine,
  { limits, clock }: Pick<WireContext, 'limits' | 'clock'>
): Call {
  const log = pino({ level: 'silent' })
  const operations = controlOperations({ engine, limits, clock, random: systemRandom, log })
  return async (name, input = {}) => {
    const operation = operations[name]
    assert.ok(operation, `there is no operation ${name}`)
    const answer = await operation.answer(input, {
      operation: name,
      region: 'eu-test-1',
      signal: never,
      isOver: false
    })
    assert.ok(answer === undefined || !('events' in answer))
    return answer ?? {}
  }
}

export function streamArn(stream: string): string {
  return `arn:aws:kinesis:eu-test-1:000000000000:stream/${stream}`
}

/** What `assert.rejects` takes for an error of the API. */
export function refused(type: string, message?: RegExp | string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof WireError, String(thrown))
    assert.equal(thrown.type, type)
    if (typeof message === 'string') assert.equal(thrown.message, message)
    else if (message) assert.match(thrown.message, message)
    return true
  }
}

/** `StreamDescriptionSummary` of a stream. */
export async function summaryOf(call: Call, stream: string): Promise<WireObject> {
  const { StreamDescriptionSummary: summary } = await call('DescribeStreamSummary', {
    StreamName: stream
  })
  return summary as WireObject
}

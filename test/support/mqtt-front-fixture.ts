import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { MqttFront, type MqttFrontOptions } from '../../gateway/fronts/mqtt/mqtt-front.ts'
import { FakeAdmission } from './fake-admission.ts'
import { ManualClock } from './manual-clock.ts'
import { SeededRandom } from './seeded-random.ts'

export interface FrontFixture {
  readonly front: MqttFront
  readonly admission: FakeAdmission
  readonly clock: ManualClock
  readonly port: number
  /** Lines of the log from warn on. */
  readonly lines: Record<string, unknown>[]
}

/** A front on a free port, before a fake admission, with a clock that stands still. */
export function buildFront(
  t: TestContext,
  options: Partial<MqttFrontOptions> = {}
): Omit<FrontFixture, 'port'> {
  const admission = new FakeAdmission()
  const clock = new ManualClock()
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const front = new MqttFront({
    listeners: [{ host: '127.0.0.1', port: 0 }],
    admission,
    routes: [],
    limits: {},
    clock,
    random: new SeededRandom(),
    log,
    ...options
  })
  t.after(async () => {
    admission.release()
    await front.stop(AbortSignal.abort())
  })
  return { front, admission, clock, lines }
}

/** The same, started. */
export async function startFront(
  t: TestContext,
  options: Partial<MqttFrontOptions> = {}
): Promise<FrontFixture> {
  const fixture = buildFront(t, options)
  await fixture.front.start(new AbortController().signal)
  return { ...fixture, port: fixture.front.ports()[0] ?? 0 }
}

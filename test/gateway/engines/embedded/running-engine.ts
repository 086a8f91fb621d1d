import type { TestContext } from 'node:test'
import { pino } from 'pino'
import {
  EmbeddedEngine,
  type EmbeddedEngineOptions
} from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const never = new AbortController().signal

/** An embedded engine that has started; it is stopped when the test ends. */
export async function runningEngine(
  t: TestContext,
  directory: string,
  options: Partial<EmbeddedEngineOptions> = {}
): Promise<EmbeddedEngine> {
  const log = pino({ level: process.env['HEADWATER_TEST_LOG'] ?? 'silent' })
  const engine = new EmbeddedEngine({ directory, clock: new ManualClock(), log, ...options })
  await engine.start(never)
  cleanUp(t, () => engine.stop(never))
  return engine
}

/** One life of an engine: started, used, stopped. */
export async function life<T>(
  options: Partial<EmbeddedEngineOptions> & { readonly directory: string },
  work: (engine: EmbeddedEngine) => Promise<T>
): Promise<T> {
  const log = pino({ level: process.env['HEADWATER_TEST_LOG'] ?? 'silent' })
  const engine = new EmbeddedEngine({ clock: new ManualClock(), log, ...options })
  await engine.start(never)
  try {
    return await work(engine)
  } finally {
    await engine.stop(never)
  }
}

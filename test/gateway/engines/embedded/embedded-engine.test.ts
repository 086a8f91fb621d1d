import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { checkpointContract } from '../../../contract/checkpoints.ts'
import { engineContract } from '../../../contract/engine.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'

async function newEngine(t: TestContext): Promise<EmbeddedEngine> {
  const log = pino({ level: process.env['HEADWATER_TEST_LOG'] ?? 'silent' })
  return new EmbeddedEngine({
    directory: await tempDir(t),
    clock: new ManualClock(),
    log
  })
}

engineContract('embedded engine', newEngine)

checkpointContract('embedded engine', async (t) => {
  const engine = await newEngine(t)
  const never = new AbortController().signal
  await engine.start(never)
  t.after(() => engine.stop(never))
  await engine.create('s', { shards: 1 })
  return engine
})

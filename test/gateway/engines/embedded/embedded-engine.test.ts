import { pino } from 'pino'
import { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { engineContract } from '../../../contract/engine.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'

engineContract('embedded engine', async (t) => {
  const log = pino({ level: process.env['HEADWATER_TEST_LOG'] ?? 'silent' })
  return new EmbeddedEngine({
    directory: await tempDir(t),
    clock: new ManualClock(),
    log
  })
})

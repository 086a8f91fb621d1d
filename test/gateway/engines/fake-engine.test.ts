import { engineContract } from '../../contract/engine.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

for (const keepsMarks of [false, true]) {
  engineContract(
    `fake engine, keepsMarks ${keepsMarks}`,
    async () =>
      new FakeEngine({ clock: new ManualClock(), random: new SeededRandom(1), keepsMarks })
  )
}

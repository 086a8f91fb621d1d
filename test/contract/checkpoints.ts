import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CheckpointStore } from '../../gateway/engines/engine.ts'

/** Every store of checkpoints must pass this. `setup` gives one that knows the stream `s`. */
export function checkpointContract(
  name: string,
  setup: (t: TestContext) => Promise<CheckpointStore>
): void {
  test(`${name}: a checkpoint is given back as it was saved last, to its application only`, async (t) => {
    const store = await setup(t)
    assert.equal(await store.loadCheckpoint('app', 's'), undefined)
    await store.saveCheckpoint('app', 's', 'one')
    await store.saveCheckpoint('app', 's', 'two')
    assert.equal(await store.loadCheckpoint('app', 's'), 'two')
    assert.equal(await store.loadCheckpoint('other', 's'), undefined)
  })
}

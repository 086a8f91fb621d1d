import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Block } from '../../../../gateway/engines/embedded/block.ts'
import { SegmentWriter } from '../../../../gateway/engines/embedded/segment-writer.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { entry, putAll, readTexts, shardId } from '../../../support/engine-calls.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { runningEngine } from './running-engine.ts'

const source = 'd/e/0'

test('a commit of which nothing is known is looked for before the next one, with its marks', async (t) => {
  const engine = await runningEngine(t, await tempDir(t))
  await engine.create('s', { shards: 1 })
  await putAll(engine, [entry({ text: 'a', marks: [{ source, seq: 1 }] })])
  // The disk takes a commit and says that it did not, and then it cannot be asked.
  const appending = t.mock.method(
    SegmentWriter.prototype,
    'append',
    async function (this: SegmentWriter, blocks: readonly Block[]) {
      appending.mock.restore()
      await this.append(blocks)
      throw new HeadwaterError('unavailable', 'the sync failed')
    }
  )
  const unsure = async () => {
    throw new HeadwaterError('unavailable', 'the log is in use')
  }
  t.mock.method(SegmentWriter.prototype, 'settle', unsure, { times: 1 })
  await assert.rejects(putAll(engine, [entry({ text: 'b', marks: [{ source, seq: 2 }] })]))
  await putAll(engine, [entry({ text: 'c' })])
  assert.deepEqual(await engine.marks('s', source), [{ shard: shardId(0), seq: 2 }])
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a', 'b', 'c'])
})

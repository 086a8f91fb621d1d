import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CheckpointFiles } from '../../../gateway/reading/checkpoint-files.ts'
import { checkpointContract } from '../../contract/checkpoints.ts'
import { isCode } from '../../support/engine-calls.ts'
import { tempDir } from '../../support/temp-dir.ts'

checkpointContract(
  'checkpoint files',
  async (t) => new CheckpointFiles(join(await tempDir(t), 'checkpoints'))
)

test('checkpoints outlive the program, names of dots among them', async (t) => {
  const directory = await tempDir(t)
  const files = new CheckpointFiles(directory)
  await files.saveCheckpoint('..', '..', 'dots')
  await files.saveCheckpoint('app', 's', 'here')
  const again = new CheckpointFiles(directory)
  assert.equal(await again.loadCheckpoint('..', '..'), 'dots')
  assert.equal(await again.loadCheckpoint('app', 's'), 'here')
})

test('of saves at the same time the last one stays', async (t) => {
  const files = new CheckpointFiles(await tempDir(t))
  const values = Array.from({ length: 20 }, (_, i) => `value ${i} `.repeat(20 - i))
  await Promise.all(values.map((value) => files.saveCheckpoint('app', 's', value)))
  assert.equal(await files.loadCheckpoint('app', 's'), values.at(-1))
})

test('a name with a path in it and a folder that cannot be written are refused', async (t) => {
  const directory = await tempDir(t)
  const files = new CheckpointFiles(directory)
  await assert.rejects(files.saveCheckpoint('../app', 's', 'x'), isCode('invalid'))
  await writeFile(join(directory, 'app.checkpoints'), 'a file in the way')
  await assert.rejects(files.saveCheckpoint('app', 's', 'x'), isCode('unavailable'))
})

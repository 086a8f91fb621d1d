import assert from 'node:assert/strict'
import { appendFile, copyFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

async function setup(t: TestContext, once = false) {
  const directory = await tempDir(t)
  const bench = new SourceBench(t, tail, { once })
  const path = join(directory, 'app.log')
  const texts = () => bench.appender.texts
  const has = (...lines: string[]) => bench.until(() => texts().length >= lines.length)
  return { directory, bench, path, texts, has }
}

function lines(from: number, to: number): string {
  let text = ''
  for (let i = from; i <= to; i++) text += `line ${i}\n`
  return text
}

test('a file that appears after the first run is read from its start', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path })
  await bench.pass(200)
  await writeFile(path, 'a\nb\n')
  await has('a', 'b')
  assert.deepEqual(texts(), ['a', 'b'])
})

test('a file that is there at the very first run is read from its end, at the next run on', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  await writeFile(path, 'old\npart')
  bench.start({ tail: path })
  await bench.pass(500)
  await appendFile(path, 'ial\nnew\n')
  await has('partial', 'new')
  await bench.stop()
  await appendFile(path, 'later\n')
  bench.start({ tail: path })
  await has('partial', 'new', 'later')
  assert.deepEqual(texts(), ['partial', 'new', 'later'])
})

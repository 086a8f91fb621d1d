import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  unlink
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

/** More than may be under way, so that a source whose chunks are not committed falls behind. */
const manyLines = 15_000

/** A log of ever new lines, rotated as `logrotate` does with `copytruncate`, and a source on `glob`. */
async function setup(t: TestContext, glob: string) {
  const directory = await tempDir(t)
  const path = join(directory, 'app.log')
  const bench = new SourceBench(t, tail)
  const written: string[] = []
  const texts = () => bench.appender.texts
  const write = async (count: number) => {
    const lines = Array.from({ length: count }, (_, i) => `line ${written.length + i}`.padEnd(99))
    await appendFile(path, `${lines.join('\n')}\n`)
    written.push(...lines)
  }
  /** `app.log.1` becomes `app.log.2` and so on. */
  const shift = async () => {
    const names = (await readdir(directory)).filter((name) => /^app\.log\.\d+$/.test(name))
    const numbers = names.map((name) => Number(name.slice('app.log.'.length)))
    for (const n of numbers.sort((a, b) => b - a)) await rename(`${path}.${n}`, `${path}.${n + 1}`)
  }
  const rotate = async () => {
    await shift()
    await copyFile(path, `${path}.1`)
    await truncate(path)
  }
  const start = () => bench.start({ tail: join(directory, glob), from: 'start' })
  /** Resolves when all came once, and a while later still has. */
  const allInOrder = async () => {
    bench.appender.automatic = true
    bench.appender.commit()
    await bench.until(() => texts().length >= written.length)
    await bench.pass(5000)
    assert.ok(texts().length === written.length, `${texts().length} of ${written.length} lines`)
    const wrong = texts().findIndex((text, i) => text !== written[i])
    assert.equal(texts()[wrong], written[wrong], `at line ${wrong}`)
  }
  /** The source has begun the file, and reads no further until `allInOrder`. */
  const fallBehind = async () => {
    await write(1)
    start()
    await bench.until(() => texts().length === 1)
    bench.appender.automatic = false
    await write(manyLines)
    await bench.pass(3000)
  }
  return { bench, path, texts, write, shift, rotate, start, fallBehind, allInOrder }
}

for (const glob of ['app.log*', 'app.log']) {
  test(`${glob}: what a copy still holds comes before what the emptied file holds now`, async (t) => {
    const { write, rotate, fallBehind, allInOrder } = await setup(t, glob)
    await fallBehind()
    await rotate()
    await write(10)
    await allInOrder()
  })

  test(`${glob}: copies of several rotations are read oldest first while the source is behind`, async (t) => {
    const { bench, write, rotate, fallBehind, allInOrder } = await setup(t, glob)
    await fallBehind()
    for (let i = 0; i < 3; i++) {
      await rotate()
      await write(manyLines / 3)
      await bench.pass(3000)
    }
    await allInOrder()
  })

  test(`${glob}: new content that outgrew what was read before it was looked at is read whole`, async (t) => {
    const { write, rotate, fallBehind, allInOrder } = await setup(t, glob)
    await fallBehind()
    await rotate()
    await write(manyLines + 1000)
    await allInOrder()
  })

  test(`${glob}: a burst between two looks that is rotated at its beginning and end is read`, async (t) => {
    const { bench, write, rotate, start, allInOrder } = await setup(t, glob)
    await write(5)
    start()
    await bench.until(() => bench.appender.texts.length === 5)
    await write(3)
    await rotate()
    await write(100)
    await rotate()
    await write(2)
    await rotate()
    await write(1)
    await allInOrder()
  })

  test(`${glob}: rotations while the agent was down, or died before it had caught up, are read in order`, async (t) => {
    const { bench, write, rotate, start, allInOrder } = await setup(t, glob)
    await write(20)
    start()
    await bench.until(() => bench.appender.texts.length === 20)
    await write(manyLines)
    await bench.stop()
    await rotate()
    await write(30)
    await rotate()
    await write(5)
    bench.appender.automatic = false
    start()
    await bench.pass(3000)
    bench.appender.commit()
    await bench.crash()
    await rotate()
    await write(5)
    start()
    await allInOrder()
  })

  test(`${glob}: a rotation right after one that was seen is read although nothing told of it`, async (t) => {
    const { bench, write, rotate, start, allInOrder } = await setup(t, glob)
    await write(5)
    start()
    await bench.until(() => bench.appender.texts.length === 5)
    await rotate()
    await bench.pass(5000)
    await write(50)
    await rotate()
    await write(1)
    await allInOrder()
  })
}

test('a copy that is being made when it is found is read on where the original was left', async (t) => {
  const { bench, path, write, shift, fallBehind, allInOrder } = await setup(t, 'app.log*')
  await fallBehind()
  await shift()
  await copyFile(path, `${path}.1`)
  await truncate(`${path}.1`, 50_050)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.pass(3000)
  await write(10)
  await copyFile(path, `${path}.1`)
  await truncate(path)
  await write(10)
  await allInOrder()
})

test('older copies beside a file that is rotated for the first time are not read', async (t) => {
  const { bench, path, texts, write, rotate, start, allInOrder } = await setup(t, 'app.log')
  await write(5)
  start()
  await bench.until(() => texts().length === 5)
  await bench.stop()
  for (const n of [1, 2, 3]) await appendFile(`${path}.${n}`, `never asked for ${n}\n`)
  start()
  await bench.pass(3000)
  await write(5)
  await rotate()
  await write(5)
  await allInOrder()
})

test('a plain copy that is not asked for is not read, nor is one of a rotated file', async (t) => {
  const { bench, path, texts, write, rotate, start, allInOrder } = await setup(t, 'app.log')
  await write(20)
  start()
  await bench.until(() => texts().length === 20)
  await copyFile(path, `${path}.bak`)
  await bench.pass(3000)
  await write(5)
  await rotate()
  await bench.pass(3000)
  await copyFile(`${path}.1`, `${path}.old`)
  await bench.pass(100_000, 1000)
  await write(5)
  await allInOrder()
})

test('an emptied file does not wait for a copy that is gone', async (t) => {
  const { bench, path, texts, write, rotate, fallBehind } = await setup(t, 'app.log*')
  await fallBehind()
  await rotate()
  await write(10)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => texts().length > 1)
  await rm(`${path}.1`)
  await write(1)
  const last = `line ${manyLines + 11}`
  await bench.until(() => texts().at(-1)?.trimEnd() === last)
})

test('an emptied file does not wait for a copy that cannot be read', async (t) => {
  const { bench, path, texts, write, shift, fallBehind } = await setup(t, 'app.log*')
  await fallBehind()
  await shift()
  // A root user may read anything, but nobody can follow a link to itself.
  await symlink(`${path}.1`, `${path}.1`)
  await truncate(path)
  await write(10)
  bench.appender.automatic = true
  bench.appender.commit()
  const last = `line ${manyLines + 10}`
  await bench.until(() => texts().at(-1)?.trimEnd() === last)
})

test('a readable copy is read although the one before it was compressed while the agent was down', async (t) => {
  const { bench, path, texts, write, rotate, start } = await setup(t, 'app.log')
  await write(5)
  start()
  await bench.until(() => texts().length === 5)
  await bench.stop()
  await write(5)
  await rotate()
  await write(5)
  await rotate()
  await rename(`${path}.2`, `${path}.2.gz`)
  await write(5)
  start()
  await bench.pass(5000)
  const numbers = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
  assert.deepEqual(
    texts().map((text) => text.trimEnd()),
    numbers.map((n) => `line ${n}`)
  )
})

test('rotated files from before the last read are not read when the copy was compressed', async (t) => {
  const { bench, path, texts, write, rotate, start } = await setup(t, 'app.log')
  for (const n of [1, 2]) await appendFile(`${path}.${n}`, `never asked for ${n}\n`)
  await new Promise((done) => setTimeout(done, 20))
  await write(5)
  start()
  await bench.until(() => texts().length === 5)
  await rotate()
  await rename(`${path}.1`, `${path}.1.gz`)
  await write(5)
  await bench.pass(5000)
  assert.equal(texts().length, 10)
})

test('a copy that is found only after the first look for it is read while the file is unread', async (t) => {
  const { bench, path, write, start, allInOrder, texts } = await setup(t, 'app.log')
  await write(5)
  start()
  await bench.until(() => texts().length === 5)
  await bench.stop()
  await write(5)
  // The copy has no name that is known while the emptied file is seen.
  await copyFile(path, `${path}.moving`)
  await truncate(path)
  start()
  await bench.pass(3000)
  await rename(`${path}.moving`, `${path}.1`)
  await bench.pass(40_000, 1000)
  await allInOrder()
})

for (const how of ['rename', 'copytruncate']) {
  test(`rotated files that were read give way to new ones at maxFiles, rotation by ${how}`, async (t) => {
    const directory = await tempDir(t)
    const bench = new SourceBench(t, tail)
    const homes = ['a', 'b'].map((name) => join(directory, `${name}.log`))
    const written: string[] = []
    const write = async (text: string) => {
      for (const home of homes) {
        written.push(`${home} ${text}`)
        await appendFile(home, `${home} ${text}\n`)
      }
    }
    const kept = 7
    const rotate = async (home: string) => {
      for (let n = kept; n >= 1; n--) {
        await rename(`${home}.${n}`, `${home}.${n + 1}`).catch(() => undefined)
      }
      await unlink(`${home}.${kept + 1}`).catch(() => undefined)
      if (how === 'rename') return rename(home, `${home}.1`)
      await copyFile(home, `${home}.1`)
      return truncate(home)
    }
    await write('first')
    const options = { tail: join(directory, '*.log'), from: 'start', maxFiles: 6 }
    const source = bench.start(options)
    await bench.pass(3000)
    for (let round = 1; round <= 10; round++) {
      await write(`${round} before`)
      for (const home of homes) await rotate(home)
      await write(`${round} after`)
      await bench.pass(8000, 500)
      if (round === 8) {
        await bench.stop()
        bench.start(options)
      }
    }
    await bench.pass(100_000, 1000)
    assert.deepEqual([...bench.appender.texts].sort(), written.sort())
    assert.equal(source.stats().problems['too_many_files'], undefined)
    assert.ok(bench.appender.cursors('in').size <= 1 + 6 + homes.length)
  })
}

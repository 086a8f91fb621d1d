import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noRecords } from '../../../../agent/sources/lines/cut-columns.ts'
import { encodePosition } from '../../../../agent/sources/journald/position.ts'
import { journald } from '../../../../agent/sources/journald/journald.ts'
import { sourceContract } from '../../../contract/source.ts'
import { JournalWriter, noJournal } from '../../../support/journal-writer.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const environment = { PATH: '/usr/local/bin:/usr/bin:/bin' }

/** Skipped where journals cannot be written. */
function journalTest(title: string, run: (t: TestContext) => Promise<void>): void {
  void test(title, { skip: noJournal }, run)
}

async function setup(t: TestContext, changes: object = {}, bench: { once?: boolean } = {}) {
  const journal = await JournalWriter.create(t)
  const source = new SourceBench(t, journald, { ...bench, environment })
  const options = { journald: true, directory: journal.directory, from: 'start', ...changes }
  const messages = () =>
    source.appender.texts.map((text) => (JSON.parse(text) as { MESSAGE: unknown }).MESSAGE)
  return { journal, bench: source, options, messages }
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `entry ${from + i}`)

if (noJournal === false) {
  sourceContract('journald', async (t) => {
    const { journal, bench, options } = await setup(t)
    return {
      bench,
      options,
      rewindable: true,
      produce: (count) => journal.appendNumbered(count)
    }
  })
}

journalTest(
  'with once, all entries are read and the run resolves; a second reads what is new',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t, {}, { once: true })
    await journal.appendNumbered(2500)
    bench.start(options)
    assert.equal(await bench.done(), undefined)
    assert.deepEqual(messages(), numbered(0, 2500))
    assert.ok(bench.appender.chunks.every(({ times }) => times === 'own'))
    await journal.appendNumbered(3)
    const source = bench.start(options)
    assert.equal(await bench.done(), undefined)
    assert.deepEqual(messages(), numbered(0, 2503))
    assert.deepEqual(source.stats().problems, {})
  }
)

journalTest(
  'entries of an earlier boot that were not read yet come before those of the current',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t)
    await journal.appendNumbered(5, { boot: 'a' })
    bench.start(options)
    await bench.until(() => messages().length === 5)
    await bench.stop()
    await journal.appendNumbered(5, { boot: 'a' })
    await journal.appendNumbered(5, { boot: 'b' })
    bench.start(options)
    await bench.until(() => messages().length === 15)
    await journal.appendNumbered(5, { boot: 'b', file: 'b' })
    await bench.until(() => messages().length === 20)
    assert.deepEqual(messages(), numbered(0, 20))
  }
)

journalTest(
  'when the entry of the cursor is gone, the oldest newer one follows, and it is counted',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t)
    await journal.appendNumbered(10)
    bench.start(options)
    await bench.until(() => messages().length === 10)
    await bench.stop()
    await journal.appendNumbered(10, { file: 'b', boot: 'b' })
    await rm(join(journal.directory, 'a.journal'))
    const source = bench.start(options)
    await bench.until(() => messages().length === 20)
    assert.deepEqual(messages(), numbered(0, 20))
    assert.deepEqual(source.stats().problems, { lost_cursor: 1 })
  }
)

journalTest(
  'a rotated file is not read again, and what follows in a new one is read',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t)
    await journal.appendNumbered(10)
    bench.start(options)
    await bench.until(() => messages().length === 10)
    await rename(join(journal.directory, 'a.journal'), join(journal.directory, 'a@1.journal'))
    await journal.appendNumbered(10, { file: 'a' })
    await bench.until(() => messages().length === 20)
    await bench.stop()
    await journal.appendNumbered(10, { file: 'a' })
    bench.start(options)
    await bench.until(() => messages().length === 30)
    assert.deepEqual(messages(), numbered(0, 30))
  }
)

journalTest(
  'the first run begins at the end, also when it is ended before anything new comes',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t, { from: 'auto' })
    await journal.appendNumbered(10)
    bench.start(options)
    await bench.until(() => bench.appender.cursors('in').size === 1)
    await bench.stop()
    await journal.appendNumbered(5)
    bench.start(options)
    await bench.until(() => messages().length === 5)
    assert.deepEqual(messages(), numbered(10, 15))
  }
)

journalTest('a journal that is empty at the first run is read from its start later', async (t) => {
  const { journal, bench, options, messages } = await setup(t, { from: 'end' })
  bench.start(options)
  await bench.until(() => bench.appender.cursors('in').size === 1)
  await bench.stop()
  await journal.appendNumbered(5)
  bench.start(options)
  await bench.until(() => messages().length === 5)
  assert.deepEqual(messages(), numbered(0, 5))
})

journalTest('a first run from a duration ago begins with entries no older', async (t) => {
  const { journal, bench, options, messages } = await setup(t, { from: '1h' }, { once: true })
  await journal.append([{ MESSAGE: 'old', __REALTIME_TIMESTAMP: String(1_699_990_000_000_000) }])
  await journal.append([{ MESSAGE: 'new' }])
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(messages(), ['new'])
})

journalTest(
  'newlines, bytes that are no text and marks within a text come through; times are the sender’s',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t, {}, { once: true })
    const tricky = 'say "__CURSOR":"x", "__REALTIME_TIMESTAMP":"1" twice'
    await journal.append([
      { MESSAGE: 'two\nlines' },
      { MESSAGE: tricky, _SOURCE_REALTIME_TIMESTAMP: '1600000000123456' },
      { MESSAGE: Buffer.of(255, 0, 1) }
    ])
    bench.start(options)
    assert.equal(await bench.done(), undefined)
    assert.deepEqual(messages(), ['two\nlines', tricky, [255, 0, 1]])
    assert.deepEqual(
      bench.appender.records.map(({ time }) => time),
      [1_700_000_000_000, 1_600_000_000_123, 1_700_000_000_000]
    )
  }
)

journalTest(
  'an entry over maxRecord is cut and marked, and its cursor is kept all the same',
  async (t) => {
    const { journal, bench, options } = await setup(t, { maxRecord: '64 KiB' }, { once: true })
    await journal.appendNumbered(1)
    await journal.append([{ MESSAGE: 'x'.repeat(3_000_000) }])
    await journal.appendNumbered(1)
    await journal.append([{ MESSAGE: 'y'.repeat(3_000_000) }])
    const source = bench.start(options)
    assert.equal(await bench.done(), undefined)
    const { records } = bench.appender
    assert.deepEqual(
      records.map(({ text, attributes }) => [text.length > 60_000, attributes?.['truncated']]),
      [
        [false, undefined],
        [true, 'true'],
        [false, undefined],
        [true, 'true']
      ]
    )
    assert.equal(records[1]?.text.length, 64 * 1024)
    assert.deepEqual(source.stats().problems, { cut_record: 2 })
    bench.resume(source)
    assert.equal(await bench.done(), undefined)
    assert.equal(records.length, 4)
  }
)

journalTest('filters and fields choose what is read', async (t) => {
  const chosen = {
    fields: ['MESSAGE'],
    severity: 'warning',
    matches: ['KIND=a'],
    units: ['u.service']
  }
  const { journal, bench, options, messages } = await setup(t, chosen, { once: true })
  const entry = { KIND: 'a', PRIORITY: '4', _SYSTEMD_UNIT: 'u.service' }
  await journal.append([
    { ...entry, MESSAGE: 'taken' },
    { ...entry, MESSAGE: 'other kind', KIND: 'b' },
    { ...entry, MESSAGE: 'minor', PRIORITY: '6' },
    { ...entry, MESSAGE: 'other unit', _SYSTEMD_UNIT: 'v.service' }
  ])
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(messages(), ['taken'])
  assert.equal(bench.appender.texts[0]?.includes('KIND'), false)
})

journalTest(
  'while the buffer takes nothing, about a mebibyte and a half is read at most',
  async (t) => {
    const { journal, bench, options } = await setup(t)
    await journal.append(Array.from({ length: 6000 }, () => ({ MESSAGE: 'x'.repeat(1000) })))
    bench.appender.automatic = false
    bench.start(options)
    await bench.until(() => bench.appender.waiting >= 4)
    await bench.pass(1000)
    const taken = bench.appender.chunks.reduce((sum, { records }) => sum + records.data.length, 0)
    assert.ok(taken < 1.6 * 1024 * 1024, `${taken} bytes`)
    bench.appender.automatic = true
    bench.appender.commit()
    await bench.until(() => bench.appender.texts.length === 6000)
  }
)

test('without journalctl the run fails and says where it comes from', async (t) => {
  const bench = new SourceBench(t, journald, { environment: { PATH: '/nowhere' } })
  bench.start({ journald: true, from: 'start' })
  const error = await bench.done()
  assert.match(String(error), /cannot run journalctl: it was not found; it comes with systemd/)
})

journalTest('what journalctl says when it fails is in the error', async (t) => {
  const { bench, options } = await setup(t, { directory: '/nowhere/at/all' }, { once: true })
  bench.start(options)
  assert.match(String(await bench.done()), /journalctl ended with code 1: .*\/nowhere\/at\/all/)
})

journalTest(
  'a cursor that cannot be understood starts at the oldest entry and is counted',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t)
    await journal.appendNumbered(3)
    const cursors = [{ source: 'in', position: Buffer.from('nonsense') }]
    await bench.appender.append({ stream: 'telemetry', records: noRecords('k'), cursors })
    const source = bench.start({ ...options, from: 'end' })
    await bench.until(() => messages().length === 3)
    assert.deepEqual(source.stats().problems, { bad_cursor: 1 })
  }
)

test('a cursor of a later version is refused', async (t) => {
  const bench = new SourceBench(t, journald, { environment })
  const position = encodePosition({})
  position[position.indexOf(1)] = 2
  const cursors = [{ source: 'in', position }]
  await bench.appender.append({ stream: 'telemetry', records: noRecords('k'), cursors })
  bench.start({ journald: true })
  assert.match(String(await bench.done()), /version 2.*run the newer program/)
})

journalTest(
  'when journalctl ends while it is to go on, the run fails, and the next goes on behind',
  async (t) => {
    const { journal, bench, options, messages } = await setup(t)
    const bin = join(journal.directory, '../bin')
    await mkdir(bin)
    const shortLived =
      'case "$*" in *--follow*) exec timeout 0.5 /usr/bin/journalctl "$@";; esac; exec /usr/bin/journalctl "$@"'
    await writeFile(join(bin, 'journalctl'), `#!/bin/sh\n${shortLived}\n`, { mode: 0o755 })
    const PATH = `${bin}:${environment.PATH}`
    await journal.appendNumbered(5)
    const source = bench.start(options, { environment: { PATH } })
    await journal.appendNumbered(5)
    await bench.until(() => !bench.running)
    assert.match(String(await bench.done()), /journalctl ended with code 124/)
    await journal.appendNumbered(5)
    bench.resume(source)
    await bench.until(() => !bench.running)
    assert.deepEqual(messages(), numbered(0, 15))
  }
)

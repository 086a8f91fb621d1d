import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SourceBench } from '../support/source-bench.ts'

/** A source that can be started again and again, and the world that it reads. */
export interface SourceSubject<Options> {
  readonly bench: SourceBench<Options>
  /** As a person writes them. */
  readonly options: object
  /** Makes `count` records appear, all different; the source is running. Does not wait for them. */
  readonly produce: (count: number) => Promise<void>
  /** Whether what was not durable when the process died can be read again. */
  readonly rewindable: boolean
}

/** What every source must hold to. */
export function sourceContract<Options>(
  name: string,
  setup: (t: TestContext) => Promise<SourceSubject<Options>>
): void {
  test(`${name}: a run resolves when its signal aborts, and leaves nothing waiting`, async (t) => {
    const { bench, options, produce } = await setup(t)
    bench.start(options)
    await produce(1)
    await bench.until(() => bench.appender.texts.length >= 1)
    await bench.pass(100)
    await bench.stop()
    assert.equal(await bench.done(), undefined)
    assert.equal(bench.clock.sleeping, 0)
    assert.equal(bench.appender.waiting, 0)
  })

  test(`${name}: a run whose signal is aborted already resolves at once`, async (t) => {
    const { bench, options } = await setup(t)
    await bench.create(options).run(bench.appender, AbortSignal.abort())
    assert.equal(bench.clock.sleeping, 0)
    assert.deepEqual(bench.appender.texts, [])
  })

  test(`${name}: a run that waits for the buffer ends when its signal aborts`, async (t) => {
    const { bench, options, produce } = await setup(t)
    bench.appender.automatic = false
    bench.start(options)
    await produce(1)
    await bench.until(() => bench.appender.chunks.some(({ records }) => records.lens.length > 0))
    const begun = bench.clock.monoMs()
    await bench.stop(false)
    assert.ok(bench.clock.monoMs() - begun <= 5100)
    assert.deepEqual(bench.appender.texts, [])
    assert.equal(bench.clock.sleeping, 0)
  })

  test(`${name}: the same source can be run again and goes on`, async (t) => {
    const { bench, options, produce } = await setup(t)
    const source = bench.start(options)
    await produce(3)
    await bench.until(() => bench.appender.texts.length >= 3)
    await bench.stop()
    bench.resume(source)
    await produce(2)
    await bench.until(() => bench.appender.texts.length >= 5)
    assertDistinct(bench)
  })

  test(`${name}: a failed append loses nothing: it is offered again, refused, or ends the run`, async (t) => {
    const { bench, options, produce, rewindable } = await setup(t)
    const source = bench.start(options)
    await produce(1)
    await bench.until(() => bench.appender.texts.length >= 1)
    bench.appender.failNext()
    await produce(1)
    await bench.until(() => !bench.running || bench.appender.texts.length >= 2 || refused(source))
    if (!bench.running) {
      assert.notEqual(await bench.done(), undefined)
      bench.resume(source)
    }
    await produce(1)
    await bench.until(() => bench.appender.texts.length >= (rewindable ? 3 : 2))
    assertDistinct(bench)
  })

  test(`${name}: stats count the records and bytes that were taken`, async (t) => {
    const { bench, options, produce } = await setup(t)
    const source = bench.start(options)
    await produce(4)
    await bench.until(() => bench.appender.texts.length >= 4)
    await bench.until(() => source.stats().records >= 4)
    await bench.stop()
    const { records, bytes } = source.stats()
    const { texts } = bench.appender
    assert.equal(records, texts.length)
    assert.equal(bytes, Buffer.byteLength(texts.join('')))
  })

  test(`${name}: records carry the stream, the key and the time they are told`, async (t) => {
    const { bench, options, produce } = await setup(t)
    bench.start(options)
    await produce(1)
    await bench.until(() => bench.appender.texts.length >= 1)
    const [record] = bench.appender.records
    assert.equal(record?.stream, 'telemetry')
    assert.equal(record?.partitionKey, 'device-1')
    const age = bench.clock.wallMs() - (record?.time ?? 0)
    assert.ok(age >= 0 && age < 60_000, `age ${age}`)
  })

  test(`${name}: whenever the process dies, records and cursor agree`, async (t) => {
    const { bench, options, produce, rewindable } = await setup(t)
    if (!rewindable) {
      bench.appender.automatic = false
      bench.start(options)
      await produce(1)
      await bench.until(() => bench.appender.waiting > 0)
      bench.appender.crash()
      assert.deepEqual([...bench.appender.cursors('in')], [])
      assert.deepEqual(bench.appender.texts, [])
      return
    }
    let produced = 0
    for (const commitsBeforeCrash of [0, 1, 0, 2, 1, 3]) {
      bench.appender.automatic = false
      bench.start(options)
      await produce(7)
      produced += 7
      for (let i = 0; i < commitsBeforeCrash; i++) {
        await bench.pass(300)
        bench.appender.commit()
      }
      await bench.pass(300)
      await bench.crash()
    }
    bench.appender.automatic = true
    bench.start(options)
    await bench.until(() => bench.appender.texts.length >= produced)
    await bench.pass(3000)
    assert.equal(bench.appender.texts.length, produced)
    assertDistinct(bench)
  })
}

/** Readings may be the same at different times. */
function assertDistinct(bench: Pick<SourceBench<never>, 'appender'>): void {
  const { records } = bench.appender
  const distinct = new Set(records.map(({ time, text }) => `${time} ${text}`))
  assert.equal(distinct.size, records.length)
}

/** Whether it told its sender that a record was not taken. */
function refused(source: {
  stats(): { readonly problems: Readonly<Record<string, number>> }
}): boolean {
  return Object.keys(source.stats().problems).some((reason) => reason.startsWith('refused_'))
}

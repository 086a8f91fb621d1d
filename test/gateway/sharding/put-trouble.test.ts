import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import type { Log } from '../../../shared/log.ts'
import { all, batch, failed, rig, source } from './rig.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly reason?: string
  readonly error?: { readonly message: string }
}

test('an engine that stores nothing is logged with its reason once a minute, and once when it stores again', async () => {
  const { log, lines } = keptLog()
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0, log } })
  engine.script = (entries) => all(entries, failed)
  const { durable } = router.take(batch(['a'], 1))
  await clock.advance(50_000)
  assert.ok(engine.seen.length > 3, `${engine.seen.length} puts`)
  assert.deepEqual(
    lines.map(({ level, reason }) => [level, reason]),
    [[40, 'later']]
  )
  await clock.advance(60_000)
  assert.equal(lines.length, 2)
  engine.script = undefined
  await clock.advance(10_000)
  await durable
  assert.deepEqual(
    lines.map(({ level }) => level),
    [40, 40, 30]
  )
})

test('a put that is rejected is logged with its error', async () => {
  const { log, lines } = keptLog()
  const { router, clock } = await rig({
    engine: { troubles: { cutBefore: 1 } },
    sharding: { lingerMs: 0, log }
  })
  router.take(batch(['a'], 1)).durable.catch(() => undefined)
  await clock.advance(1000)
  assert.deepEqual(
    lines.map(({ error }) => error?.message),
    ['connection cut']
  )
})

test('a stream is in trouble from the first put that is not stored until one is', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) => all(entries, failed)
  const { durable } = router.take(batch(['a'], 1))
  assert.deepEqual(router.troubles(), [])
  await clock.advance(1000)
  assert.deepEqual(router.troubles(), ['stream "telemetry" is not stored: later'])
  engine.script = undefined
  await clock.advance(10_000)
  await durable
  assert.deepEqual(router.troubles(), [])
})

test('as long as one stream in use is stored, the trouble of another is only in the log', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  await engine.create('other', { shards: 1 })
  await router.prepare('other', source)
  engine.script = (entries) => all(entries, failed)
  router.take(batch(['a'], 1)).durable.catch(() => undefined)
  await clock.advance(1000)
  assert.deepEqual(router.troubles(), [])
  router.take({ ...batch(['b'], 1), stream: 'other' }).durable.catch(() => undefined)
  await clock.advance(1000)
  assert.equal(router.troubles().length, 2)
})

test('an engine that throttles is no trouble', async () => {
  const { log, lines } = keptLog()
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0, log } })
  engine.script = (entries) => all(entries, { status: 'throttled', message: 'rate exceeded' })
  router.take(batch(['a'], 1)).durable.catch(() => undefined)
  await clock.advance(10_000)
  assert.ok(engine.seen.length > 1)
  assert.deepEqual(lines, [])
  assert.deepEqual(router.troubles(), [])
})

function keptLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = []
  const log = pino({ errorKey: 'error' }, { write: (text) => lines.push(JSON.parse(text)) })
  return { log, lines }
}

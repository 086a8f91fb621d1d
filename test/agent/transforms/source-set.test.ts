import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { loadAgentConfig } from '../../../agent/config.ts'
import { Taps } from '../../../agent/control/taps.ts'
import { agentMetrics } from '../../../agent/metrics.ts'
import { SourceSet } from '../../../agent/source-set.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { MemoryAppender } from '../../support/memory-appender.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function run(t: TestContext, source: string, input: string) {
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(file, `to: http://127.0.0.1:1\nonce: true\nsources: { in: ${source} }\n`)
  const sink = new MemoryAppender()
  const clock = new ManualClock()
  const stdin = new PassThrough()
  stdin.end(input)
  const sources = new SourceSet(sink, {
    clock,
    random: new SeededRandom(1),
    log: pino({ level: 'silent' }),
    stdin: () => stdin,
    taps: new Taps()
  })
  t.after(() => sources.stop())
  await sources.apply(await loadAgentConfig({ file, env: {} }))
  await sources.ended()
  return { sink, sources }
}

test('the records of a source go through its transforms, and what these count is a metric', async (t) => {
  const { sink, sources } = await run(
    t,
    `{ stdin: true, transforms: [{ parse: json }, { filter: 'n > 1' }] }`,
    '{"n":1}\n{"n":2}\nnone\n'
  )
  assert.deepEqual(sink.texts, ['{"n":2}', 'none'])
  const stats = sources.stats()
  const read = (name: string) => {
    const metric = agentMetrics.find((one) => one.name === `headwater_agent_${name}`)
    return [...((metric?.read({ sources: stats } as never) ?? []) as Iterable<unknown>)]
  }
  const label = { source: 'in', step: '1', transform: 'filter' }
  assert.deepEqual(read('transform_dropped_records_total'), [[{ ...label, reason: 'filtered' }, 1]])
  assert.deepEqual(read('transform_noted_records_total'), [
    [{ source: 'in', step: '0', transform: 'parse', reason: 'unparsed' }, 1],
    [{ ...label, reason: 'failed' }, 1]
  ])
})

test('times that a transform takes from the data are not those of the clock', async (t) => {
  const originOf = async (transforms: string) => {
    const { sink } = await run(t, `{ stdin: true, transforms: [${transforms}] }`, '{"at":5}\n')
    return sink.chunks[0]?.times
  }
  assert.equal(await originOf('{ parse: json }'), 'clock')
  assert.equal(await originOf('{ parse: { format: json, time: at } }'), 'own')
  assert.equal(await originOf('{ parse: syslog }, { filter: "true" }'), 'own')
})

test('a source without transforms is not touched', async (t) => {
  const { sink, sources } = await run(t, '{ stdin: true }', 'a\n')
  assert.deepEqual(sink.texts, ['a'])
  assert.equal('transforms' in (sources.stats()['in'] ?? {}), false)
})

test('when one new source cannot be made, those that run go on as they were', async (t) => {
  const { sources } = await run(t, '{ stdin: true }', '')
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(
    file,
    'to: http://127.0.0.1:1\nsources: { in: { metrics: 9s }, x: { metrics: 5s } }\n'
  )
  const wanted = await loadAgentConfig({ file, env: {} })
  const { in: changed, x } = wanted.sources
  assert.ok(changed && x)
  const bad = { ...wanted, sources: { x: { ...x, kind: 'none' }, in: changed } }
  await assert.rejects(sources.apply(bad), /none/)
  assert.deepEqual(Object.keys(sources.stats()), ['in'])
  await sources.apply(wanted)
  assert.deepEqual(Object.keys(sources.stats()), ['in', 'x'])
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { testCommand } from '../../../agent/commands/test.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext) {
  const folder = await tempDir(t)
  const terminal = new FakeTerminal()
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const run = (...args: string[]) => terminal.run([testCommand(terminal)], ['test', ...args])
  return { terminal, file, run }
}

const agent = `
to: http://127.0.0.1:1
sources:
  app: { tail: /x.log, transforms: [{ parse: json }, { filter: 'n > 1' }] }
`

test('fixtures that agree end with 0', async (t) => {
  const { terminal, file, run } = await setup(t)
  const config = await file('agent.yaml', agent)
  const bySource = await file(
    'a.yaml',
    `{ source: app, in: ['{"n":1}', '{"n":2}'], out: [{ json: { n: 2 } }] }`
  )
  const byList = await file(
    'b.yaml',
    `
transforms: [{ parse: { format: regex, pattern: '(?<level>\\w+) (?<text>.*)' } }, { key: level }]
in: [ERROR disk, { text: INFO fine, time: 2026-01-31T00:00:00Z, attributes: { host: a } }]
out:
  - { json: { level: ERROR, text: disk }, key: ERROR }
  - { json: { level: INFO, text: fine }, key: INFO, time: 2026-01-31T00:00:00Z, attributes: { host: a } }
`
  )
  assert.equal(await run('--config', config, bySource, byList), 0, terminal.err + terminal.out)
  assert.match(terminal.out, /^ok {4}\S+a\.yaml {2}\(1 records\)\nok {4}\S+b\.yaml/)
})

test('a difference is shown and ends with 1', async (t) => {
  const { terminal, file, run } = await setup(t)
  const fixture = await file(
    'a.yaml',
    `{ transforms: [{ parse: json }], in: ['{"n":1}', '{"n":2}'], out: ['{"n":1}', '{"n":3}'] }`
  )
  assert.equal(await run(fixture), 1)
  assert.match(terminal.out, /FAIL .*\n {4}{"n":1}\n {2}- {"n":3}\n {2}\+ {"n":2}\n$/)
  assert.match(terminal.err, /1 of 1 fixtures differ/)
  assert.equal(await run('--json', fixture), 1)
  const [result] = JSON.parse(terminal.out)
  assert.deepEqual([result.passed, result.records.length], [false, 3])
})

test('what transforms hold at the end comes out', async (t) => {
  const { terminal, file, run } = await setup(t)
  const fixture = await file(
    'a.yaml',
    `
transforms: [{ parse: json }, { downsample: { every: 10s, fields: { t: mean } } }]
in: ['{"t":1}', '{"t":3}']
out: [{ json: { t: 2 } }]
`
  )
  assert.equal(await run(fixture), 0, terminal.out + terminal.err)
})

test('a fixture that is none, and a source that is not there, end with 2', async (t) => {
  const { terminal, file, run } = await setup(t)
  const config = await file('agent.yaml', agent)
  const both = await file('a.yaml', '{ source: app, transforms: [], in: [], out: [] }')
  assert.equal(await run('--config', config, both), 2)
  assert.match(terminal.err, /must have either "source" or "transforms"/)
  const other = await file('b.yaml', '{ source: other, in: [], out: [] }')
  assert.equal(await run('--config', config, other), 2)
  assert.match(terminal.err, /has no source other; it has app/)
  const wrong = await file('c.yaml', '{ transforms: [{ fliter: x }], in: [], out: [] }')
  assert.equal(await run(wrong), 2)
  assert.match(terminal.err, /c\.yaml:1:\d+: transforms\[0\].*filter/)
})

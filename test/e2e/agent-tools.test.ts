import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { eventually, Program } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

/** An agent with a source that drops half of its lines, and its gateway, both running. */
async function setup(t: TestContext) {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const log = await scenario.file('app.log', '{"n":1}\n{"n":2}\n')
  const config = await scenario.file(
    'agent.yaml',
    [
      'device: device-1',
      `to: ${scenario.url}`,
      `dataDir: ${scenario.path('agent-device-1')}`,
      'sources:',
      `  app: { tail: ${log}, from: start, priority: high,`,
      "    transforms: [{ parse: json }, { filter: 'n % 2 == 0' }] }"
    ].join('\n')
  )
  const agent = scenario.agent(['--config', config])
  agent.start()
  /** The exit code of a command and what it wrote, standard error behind. */
  const command = (name: string, ...args: string[]) => {
    const program = new Program(t, 'agent', { args: [name, '--config', config, ...args] })
    program.start()
    return program
  }
  const run = async (name: string, ...args: string[]) => {
    const program = command(name, ...args)
    return { code: await program.exit(), output: program.output }
  }
  await eventually('top', async () => {
    const { code, output } = await run('top', '--json', '--interval', '100ms')
    return code === 0 && JSON.parse(output).link.state === 'connected' ? true : undefined
  })
  return { gateway, agent, log, command, run }
}

interface Finding {
  readonly area: string
  readonly level: string
  readonly what: string
}

/** The findings, without what is written behind them. */
function findingsOf(output: string): Finding[] {
  return JSON.parse(output.slice(0, output.lastIndexOf(']') + 1))
}

test('a running agent shows its records before and after the transforms, and how it does', async (t) => {
  const { agent, log, command, run } = await setup(t)
  const tap = command('tap', '--both', '--limit', '3', '--source', 'app', '--format', 'ndjson')
  // Lines are added until the tap is open.
  const adding = eventually('the tap', async () => {
    await appendFile(log, '{"n":3}\n{"n":4}\n')
    return tap.running ? undefined : true
  })
  assert.equal(await tap.exit(), 0, tap.output)
  await adding
  const seen = tap.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(seen.length, 3)
  const sideOf = (text: string) => seen.filter((one) => one.text === text).map(({ side }) => side)
  assert.deepEqual(new Set(sideOf('{"n":3}')), new Set(['before']))
  const passed = sideOf('{"n":4}')
  assert.ok(passed.length > 0)
  assert.equal((await run('tap', '--source', 'other')).code, 2)
  const { code, output } = await run('top', '--once', '--interval', '100ms')
  assert.equal(code, 0)
  assert.match(output, /^device-1 -> http.*\n(.*\n)*link +connected.*\n(.*\n)*app +/)
  assert.ok(agent.running)
})

test('the doctor finds nothing wrong with what works, and says when the gateway is gone', async (t) => {
  const { gateway, agent, run } = await setup(t)
  const well = await run('doctor', '--json')
  assert.equal(well.code, 0, well.output)
  const areas = new Set(findingsOf(well.output).map(({ area }) => area))
  for (const area of ['process', 'clock', 'disk', 'data', 'agent', 'gateway', 'source app']) {
    assert.ok(areas.has(area), area)
  }
  const holder = findingsOf(well.output).find(({ what }) => what.startsWith('in use by process'))
  assert.match(holder?.what ?? '', new RegExp(`process ${agent.pid} `))
  await gateway.kill()
  const ill = await run('doctor', '--json')
  assert.equal(ill.code, 1)
  const failed = findingsOf(ill.output).filter(({ level }) => level === 'FAIL')
  assert.deepEqual(
    failed.map(({ area }) => area),
    ['gateway']
  )
  assert.match(failed[0]?.what ?? '', /refuses connections/)
  assert.ok(agent.running, 'it was only looked at')
})

test('the doctor asks a real gateway whether it knows the token', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway(['--auth', 'devices'])
  const add = new Program(t, 'gateway', {
    args: ['devices', 'add', 'pi', '--json', '--data-dir', scenario.path('gateway')]
  })
  add.start()
  assert.equal(await add.exit(), 0, add.output)
  const { token } = JSON.parse(add.output)
  for (const url of [scenario.url, scenario.mqttUrl]) {
    const doctor = async (token: string) => {
      const file = await scenario.file('token', token)
      const args = ['doctor', '--to', url, '--device', 'pi', '--token-file', file, '--metrics']
      const program = new Program(t, 'agent', {
        args: [...args, '--json', '--data-dir', scenario.path('none')]
      })
      program.start()
      const code = await program.exit()
      return { code, text: program.output }
    }
    const good = await eventually('the new token', async () => {
      const { code, text } = await doctor(token)
      return code === 0 ? text : undefined
    })
    assert.match(good, /the token is accepted/)
    const bad = await doctor('wrong')
    assert.equal(bad.code, 1)
    assert.match(bad.text, /the gateway refuses/)
  }
})

test('a configuration that is wrong is what the doctor finds', async (t) => {
  const scenario = await Scenario.create(t)
  const config = await scenario.file('agent.yaml', 'sources: { a: { metrix: 1s } }\n')
  const program = new Program(t, 'agent', { args: ['doctor', '--config', config] })
  program.start()
  assert.equal(await program.exit(), 1)
  assert.match(program.output, /FAIL {2}config .*agent\.yaml:1:\d+: sources\.a: .*"metrics"/)
  assert.match(program.output, /OK {4}process/)
})

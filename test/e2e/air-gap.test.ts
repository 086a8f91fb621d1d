import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, Program, readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { damage } from '../agent/carry/exports.ts'

const count = 4000
const written = numberedLines(count).split('\n').slice(0, -1)

/** A device without a gateway that has read its log, and a stick. */
async function collected(t: TestContext) {
  const scenario = await Scenario.create(t)
  const stick = scenario.path('stick')
  await mkdir(stick)
  const log = await scenario.file('app.log', numberedLines(count))
  const agent = scenario.agent(['--tail', log, '--once'])
  agent.start()
  const buffer = (...args: string[]) => run(t, ['buffer', ...args])
  const dataDir = ['--data-dir', scenario.path('agent-device-1')]
  await eventually('the agent has read its log', async () => {
    const { code, output } = await buffer('ls', ...dataDir, '--json')
    if (code !== 0) return undefined
    const { streams } = JSON.parse(output) as { streams: { records: number }[] }
    return streams[0]?.records === count ? true : undefined
  })
  const exportTo = (...args: string[]) =>
    buffer('export', ...dataDir, '--device', 'device-1', '--to', stick, ...args)
  const replay = (...args: string[]) => buffer('replay', stick, '--to', scenario.url, ...args)
  return { scenario, agent, stick, exportTo, replay }
}

async function run(t: TestContext, args: readonly string[]) {
  const program = new Program(t, 'agent', { args })
  program.start()
  const code = await program.exit()
  return { code, output: program.output }
}

test('what a stick brings and the device sends later is stored once, in order', async (t) => {
  const { scenario, agent, exportTo, replay } = await collected(t)
  const exported = await exportTo()
  assert.equal(exported.code, 0, exported.output)
  assert.match(exported.output, /4000 records of 1 stream/)
  await agent.kill()
  const gateway = await scenario.startGateway()
  const replayed = await replay()
  assert.equal(replayed.code, 0, replayed.output)
  assertLinesOnceInOrder(await readAll(scenario.url), written)
  assert.equal((await replay()).code, 0)
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
  assertLinesOnceInOrder(await readAll(scenario.url), written)
  assert.ok(gateway.running)
})

test('what was released comes with the stick alone, and the device goes on behind it', async (t) => {
  const { scenario, agent, exportTo, replay } = await collected(t)
  const early = await exportTo('--and-release')
  assert.equal(early.code, 1)
  assert.match(early.output, /stop it first/)
  await agent.kill()
  const exported = await exportTo('--and-release')
  assert.equal(exported.code, 0, exported.output)
  await scenario.startGateway()
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
  assert.deepEqual(await readAll(scenario.url), [])
  const replayed = await replay()
  assert.equal(replayed.code, 0, replayed.output)
  assertLinesOnceInOrder(await readAll(scenario.url), written)
})

test('a stick that was pulled out early brings what is whole, and the device the rest', async (t) => {
  const { scenario, agent, stick, exportTo, replay } = await collected(t)
  assert.equal((await exportTo('--file-size', '20 KiB')).code, 0)
  await agent.kill()
  const last = (await readdir(stick)).toSorted().at(-1) ?? ''
  await damage(join(stick, last), (bytes) => bytes.subarray(0, bytes.length - 100))
  await scenario.startGateway()
  const replayed = await replay()
  assert.equal(replayed.code, 1, replayed.output)
  assert.ok(replayed.output.includes(`${last}: torn at byte`), replayed.output)
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
  assertLinesOnceInOrder(await readAll(scenario.url), written)
})

test('a gateway that knows its devices takes the stick with the token of the device alone', async (t) => {
  const { scenario, agent, exportTo, replay } = await collected(t)
  await agent.kill()
  assert.equal((await exportTo()).code, 0)
  const tokens = await Promise.all(
    ['device-1', 'carrier'].map((one) => addDevice(t, scenario, one))
  )
  const [own = '', other = ''] = await Promise.all(
    tokens.map((token, i) => scenario.file(`token-${i}`, `${token}\n`))
  )
  await scenario.startGateway(['--auth', 'devices'])
  const none = await replay()
  assert.equal(none.code, 1)
  assert.match(none.output, /--token-file/)
  const foreign = await replay('--token-file', other)
  assert.equal(foreign.code, 1)
  assert.match(foreign.output, /forbidden/)
  const right = await replay('--token-file', own)
  assert.equal(right.code, 0, right.output)
})

async function addDevice(t: TestContext, scenario: Scenario, device: string): Promise<string> {
  const program = new Program(t, 'gateway', {
    args: ['devices', 'add', device, '--json', '--data-dir', scenario.path('gateway')]
  })
  program.start()
  assert.equal(await program.exit(), 0, program.output)
  return (JSON.parse(program.output) as { token: string }).token
}

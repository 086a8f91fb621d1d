import assert from 'node:assert/strict'
import { appendFile, cp, open, readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { figuresOf } from '../support/buffer-figures.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, type ReadRecord, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

async function readAtLeast(scenario: Scenario, count: number): Promise<ReadRecord[]> {
  return eventually(`${count} records`, async () => {
    const all = await readAll(scenario.url)
    return all.length >= count ? all : undefined
  })
}

/** Waits until as many records are in the buffer of the agent, which has no gateway. */
async function waiting(t: TestContext, scenario: Scenario, count: number): Promise<void> {
  await eventually(`${count} records in the buffer`, async () => {
    const figures = await figuresOf(t, scenario.path('agent-device-1'))
    return figures.waiting.get('telemetry') === count || undefined
  })
}

async function runOnce(scenario: Scenario, log: string, options = {}): Promise<void> {
  const agent = scenario.agent(['--tail', log, '--once'], options)
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
}

test('a buffer image restored after its records were sent takes no identity twice', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(100))
  const data = scenario.path('agent-device-1')
  await runOnce(scenario, log)
  await cp(data, scenario.path('image'), { recursive: true, filter: isNoSocket })
  await appendFile(log, numberedLines(100, 101))
  await runOnce(scenario, log)
  // The card is put back to the image, and the log is another one by now.
  await runOnce(scenario, await scenario.file('new.log', numberedLines(100, 1001)), {
    dataDir: scenario.path('image')
  })
  const records = await readAtLeast(scenario, 300)
  assert.equal(new Set(records.map(textOf)).size, 300)
  const identities = records.map(({ device, epoch, seq }) => `${device}/${epoch}/${seq}`)
  assert.equal(new Set(identities).size, identities.length)
})

test('an image with unsent records cloned to two cards loses and doubles nothing of either', async (t) => {
  const scenario = await Scenario.create(t)
  const log = await scenario.file('app.log', numberedLines(50))
  const agent = scenario.agent(['--tail', log, '--once'])
  agent.start()
  await waiting(t, scenario, 50)
  await agent.kill()
  const clone = scenario.path('clone')
  await cp(scenario.path('agent-device-1'), clone, { recursive: true, filter: isNoSocket })
  await scenario.startGateway()
  await runOnce(scenario, await scenario.file('b.log', numberedLines(30, 2001)), { dataDir: clone })
  await runOnce(scenario, await scenario.file('a.log', numberedLines(30, 1001)))
  const texts = (await readAtLeast(scenario, 110)).map(textOf)
  const wanted = [numberedLines(50), numberedLines(30, 1001), numberedLines(30, 2001)].flatMap(
    lines
  )
  assert.deepEqual([...texts].sort(), [...wanted].sort())
})

test('a bit flipped in a -wal is noticed at open, said, and loses no line of a tailed file', async (t) => {
  const scenario = await Scenario.create(t)
  const log = await scenario.file('app.log', '')
  const config = await scenario.file('a.yaml', `sources: { app: { tail: ${log}, from: start } }\n`)
  const agent = scenario.agent(['--config', config])
  agent.start()
  for (let i = 0; i < 6; i++) {
    await appendFile(log, numberedLines(20, i * 20 + 1))
    await waiting(t, scenario, (i + 1) * 20)
  }
  await agent.kill()
  const wal = await newestWal(scenario.path('agent-device-1'))
  await flipBit(wal, 0.4)
  await scenario.startGateway()
  agent.start()
  const records = await readAtLeast(scenario, 120)
  assertLinesOnceInOrder(records.filter(isLine), lines(numberedLines(120)))
  await agent.says(/quarantine/i)
})

test('frames gone from the middle of the buffer are read again, and nothing behind them twice', async (t) => {
  const scenario = await Scenario.create(t)
  const log = await scenario.file('app.log', '')
  const config = await scenario.file(
    'a.yaml',
    `sources: { app: { tail: ${log}, from: start } }
buffer: { segment: 64 KiB, commitAge: 100ms, compression: none }
`
  )
  const agent = scenario.agent(['--config', config])
  agent.start()
  for (let i = 0; i < 10; i++) {
    await appendFile(log, numberedLines(600, i * 600 + 1))
    await waiting(t, scenario, (i + 1) * 600)
  }
  await agent.kill()
  const segments = join(scenario.path('agent-device-1'), 'segments')
  const names = (await readdir(segments)).filter((name) => name.endsWith('.db')).sort()
  assert.ok(names.length >= 3, `${names.length} segments`)
  await flipBit(join(segments, `${names.at(-2)}-wal`), 0.5)
  for (const part of ['', '-wal', '-shm']) {
    await rm(join(segments, `${names.at(1)}${part}`), { force: true })
  }
  await scenario.startGateway()
  const again = scenario.agent(['--config', config, '--once'])
  again.start()
  assert.equal(await again.exit(), 0, again.output)
  const records = await readAll(scenario.url)
  assertLinesOnceInOrder(records, lines(numberedLines(6000)))
})

test('a tailed file that comes back shorter is read on from where it still agrees', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const text = numberedLines(3000)
  const log = await scenario.file('app.log', text)
  await runOnce(scenario, log)
  // The machine lost power: the last blocks of the log itself were never on the disk.
  const kept = Math.floor(text.length * 0.8)
  await truncate(log, kept)
  await appendFile(log, `\n${numberedLines(500, 9001)}`)
  await runOnce(scenario, log)
  const texts = (await readAll(scenario.url)).map(textOf)
  for (const line of lines(numberedLines(3000))) assert.ok(texts.includes(line), `lost: ${line}`)
  for (const line of lines(numberedLines(500, 9001))) {
    assert.equal(texts.filter((one) => one === line).length, 1, `not once: ${line}`)
  }
  assert.ok(texts.length < 3000 + 500 + 400, `started over: ${texts.length} records`)
})

function isLine(record: ReadRecord): boolean {
  return record.attributes?.['type'] !== 'headwater.loss'
}

async function newestWal(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true })
  const wal = names.filter((name) => /seg.*-wal$/.test(name)).sort()
  return join(directory, String(wal.at(-1)))
}

async function flipBit(path: string, part: number): Promise<void> {
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  assert.ok(size > 2000, `the -wal has only ${size} bytes`)
  const at = Math.floor(size * part)
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte.writeUInt8(byte.readUInt8(0) ^ 0x10)
  await file.write(byte, 0, 1, at)
  await file.close()
}

/** The socket of a killed agent is still there; an image of a card has it too, but `cp` has not. */
function isNoSocket(path: string): boolean {
  return !path.endsWith('.sock')
}

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAgentConfig } from '../../../agent/config.ts'
import type { Report } from '../../../agent/remote/remote-state.ts'
import { StoredConfigs } from '../../../agent/remote/stored-configs.ts'
import { Trials } from '../../../agent/remote/trials.ts'
import type { Overlay } from '../../../shared/config/overlay.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { createLog } from '../../../shared/log.ts'
import { makeConfigKeys, signConfig } from '../../../shared/signed-config.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { FakeAgent, watchedStats } from './fake-agent.ts'

const keys = makeConfigKeys()
const windowMs = 10_000

const signed = (version: number, config: string) =>
  signConfig({ version, target: 'device/pi', config }, keys.privateKey)
const tails = (glob: string) => `sources: { app: { tail: ${glob} } }\n`

/** What is read and written takes real time. */
async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + 30_000
  while (!check() && performance.now() < end) await settle()
  assert.ok(check())
}

/** A device; `start` is what happens at each start of its agent, up to and with the choice of the configuration. */
async function device(t: TestContext) {
  const directory = await tempDir(t)
  const file = join(directory, 'agent.yaml')
  await writeFile(
    file,
    `device: pi
to: http://127.0.0.1:1
dataDir: ${directory}
${tails('/own')}remote: { publicKey: "${keys.publicKey}", health: 10s, group: vans }
`
  )
  const statePath = join(directory, 'remote/state.json')
  const start = async () => {
    const clock = new ManualClock()
    const log = createLog('test', 'silent')
    const load = (overlay?: Overlay) => loadAgentConfig({ file, env: {}, overlay })
    const configs = new StoredConfigs({ local: await load(), load, clock, log })
    const agent = new FakeAgent()
    const network = { answers: true, announced: 0 }
    const chosen = await configs.begin()
    const trials = new Trials({
      agent,
      configs,
      start: chosen,
      probe: async () => network.answers,
      announce: async () => void (network.announced += 1),
      clock,
      log
    })
    const stopping = new AbortController()
    const { signal } = stopping
    /** Settles when the trial, if there is one, is over. */
    const pass = async (work: Promise<void>, ms = windowMs + 1000) => {
      await until(() => clock.sleeping > 0)
      await clock.advance(ms)
      await work
    }
    return { clock, configs, agent, network, trials, signal, stopping, pass, load }
  }
  const report = async (): Promise<Report> => JSON.parse(await readFile(statePath, 'utf8')).report
  return { start, report, file }
}

const globs = (config: { sources: Readonly<Record<string, { options: unknown }>> }) =>
  Object.values(config.sources).map(({ options }) => String(Object(options).tail))

test('a healthy configuration is kept, and the next start is made with it', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal, pass, network } = await start()
  const work = trials.consider(signed(1, tails('/new')), signal)
  await pass(work)
  assert.deepEqual(agent.reloads.map(globs), [['/new']])
  assert.deepEqual([(await report()).state, network.announced], ['applied', 1])
  const next = await start()
  assert.deepEqual(globs(next.trials.inForce.config), ['/new'])
  const { config } = await next.configs.over(await next.load())
  assert.deepEqual(globs(config), ['/new'])
})

test('what faults within the window is taken back at once and never tried again', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal, pass, clock } = await start()
  const text = signed(1, tails('/new'))
  const work = trials.consider(text, signal)
  agent.current = watchedStats({ sources: { app: { restarts: 1 } } })
  await pass(work, windowMs / 8)
  assert.ok(clock.monoMs() < windowMs)
  assert.deepEqual(agent.reloads.map(globs), [['/new'], ['/own']])
  const { state, error } = await report()
  assert.equal(state, 'rolled_back')
  assert.match(error ?? '', /sources fail: app/)
  await trials.consider(text, signal)
  assert.equal(agent.reloads.length, 2)
  assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
})

test('what the agent cannot take over while it runs is taken back with its reason', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal } = await start()
  agent.refusal = new HeadwaterError('config', '"x" cannot change while the agent runs; restart it')
  await trials.consider(signed(1, tails('/new')), signal)
  assert.deepEqual(agent.reloads.map(globs), [['/new'], ['/own']])
  assert.match((await report()).error ?? '', /cannot change while/)
})

test('a dead link gets a second try, and no third', async (t) => {
  const { start, report } = await device(t)
  const { trials, network, agent, signal, pass, configs } = await start()
  network.answers = false
  const text = signed(1, 'to: http://127.0.0.1:2\n')
  await pass(trials.consider(text, signal))
  assert.equal((await report()).state, 'rolled_back')
  assert.equal(configs.state.candidate?.tries, 1)
  await pass(trials.consider(text, signal))
  assert.equal(configs.state.candidate, undefined)
  await trials.consider(text, signal)
  assert.equal(agent.reloads.length, 4)
})

test('a link that comes back passes at the second try', async (t) => {
  const { start, report } = await device(t)
  const { trials, network, signal, pass } = await start()
  network.answers = false
  const text = signed(1, 'to: http://127.0.0.1:2\n')
  await pass(trials.consider(text, signal))
  network.answers = true
  await pass(trials.consider(text, signal))
  assert.equal((await report()).state, 'applied')
})

test('an agent that dies in a trial begins the next start with it once, and then without', async (t) => {
  const { start, report } = await device(t)
  const first = await start()
  await first.pass(first.trials.consider(signed(1, tails('/good')), first.signal))
  void first.trials.consider(signed(2, tails('/deadly')), first.signal)
  await until(() => first.agent.reloads.length === 2)
  const second = await start()
  assert.deepEqual(globs(second.trials.inForce.config), ['/deadly'])
  const third = await start()
  assert.deepEqual(globs(third.trials.inForce.config), ['/good'])
  const { state, version, error } = await report()
  assert.deepEqual([state, version], ['rolled_back', 2])
  assert.match(error ?? '', /ended 2 times while it was tried/)
})

test('a trial that goes on after a start is kept or taken back like any other', async (t) => {
  for (const answers of [true, false]) {
    const { start, report } = await device(t)
    const first = await start()
    void first.trials.consider(signed(1, 'to: http://127.0.0.1:2\n'), first.signal)
    await until(() => first.agent.reloads.length === 1)
    const second = await start()
    second.network.answers = answers
    await second.pass(second.trials.begin(second.signal))
    assert.equal((await report()).state, answers ? 'applied' : 'rolled_back')
    assert.equal(second.agent.reloads.length, answers ? 0 : 1)
  }
})

test('one that the agent does not start with is not tried again, and its reason is kept', async (t) => {
  const { start, report } = await device(t)
  const first = await start()
  void first.trials.consider(signed(1, tails('/new')), first.signal)
  await until(() => first.agent.reloads.length === 1)
  const { trials } = await start()
  assert.deepEqual(globs(trials.inForce.config), ['/new'])
  await trials.notStarted(new HeadwaterError('config', 'cannot read the secret in /token'))
  assert.match((await report()).error ?? '', /the agent ended: cannot read the secret/)
  const { trials: next } = await start()
  assert.deepEqual(globs(next.inForce.config), ['/own'])
  await next.notStarted(new Error('for a reason of its own'))
  assert.match((await report()).error ?? '', /cannot read the secret/)
})

test('a stop that was asked for counts for nothing; an end by itself for everything', async (t) => {
  const { start, report } = await device(t)
  const text = signed(1, tails('/new'))
  for (let round = 0; round < 4; round++) {
    const { trials, configs, stopping, signal, pass } = await start()
    const work = round === 0 ? trials.consider(text, signal) : trials.begin(signal)
    await pass(Promise.resolve(), 1000)
    stopping.abort()
    await work
    assert.equal(configs.state.candidate?.tries, 0)
  }
  const { trials, stopping, signal, pass } = await start()
  const work = trials.begin(signal)
  await pass(Promise.resolve(), 1000)
  trials.ended(new HeadwaterError('no_input', 'nothing to read'))
  stopping.abort()
  await work
  assert.match((await report()).error ?? '', /the agent ended: nothing to read/)
  assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
})

test('what was kept and ends three starts in a row leaves the file of the device', async (t) => {
  const { start, report } = await device(t)
  const first = await start()
  await first.pass(first.trials.consider(signed(1, tails('/new')), first.signal))
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(globs((await start()).trials.inForce.config), ['/new'])
  }
  assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
  assert.match((await report()).error ?? '', /ended 3 times while it was started/)
})

test('what was kept is worth nothing when its key is gone from the file of the device', async (t) => {
  const { start, report, file } = await device(t)
  const first = await start()
  await first.pass(first.trials.consider(signed(1, tails('/new')), first.signal))
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(keys.publicKey, makeConfigKeys().publicKey))
  assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
  assert.match((await report()).error ?? '', /is signed with the key/)
})

test('what was kept is worth nothing from the reload on at which its key or group is gone', async (t) => {
  const replace: readonly (readonly [string, string])[] = [
    [keys.publicKey, makeConfigKeys().publicKey],
    ['group: vans', 'group: lorries']
  ]
  for (const [before, after] of replace) {
    const { start, report, file } = await device(t)
    const { trials, agent, load, pass, signal } = await start()
    const content = { version: 1, target: 'group/vans', config: tails('/new') } as const
    await pass(trials.consider(signConfig(content, keys.privateKey), signal))
    await writeFile(file, (await readFile(file, 'utf8')).replace(before, after))
    await trials.reload(await load())
    assert.deepEqual(agent.reloads.map(globs), [['/new'], ['/own']])
    assert.equal(trials.inForce.signed, undefined)
    assert.match((await report()).error ?? '', /is signed (with the key|for group\/vans)/)
    assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
  }
})

test('what was not believed is taken once the file of the device says so', async (t) => {
  const { start, report, file } = await device(t)
  const { trials, load, pass, signal, clock } = await start()
  const others = makeConfigKeys()
  const content = { version: 1, target: 'all', config: tails('/new') } as const
  const text = signConfig(content, others.privateKey)
  await trials.consider(text, signal)
  const refused = await report()
  assert.match(refused.error ?? '', /is signed with the key/)
  await clock.advance(1000)
  await trials.consider(text, signal)
  assert.deepEqual(await report(), refused)
  const own = await readFile(file, 'utf8')
  await writeFile(file, own.replace(keys.publicKey, others.publicKey))
  await trials.reload(await load())
  await pass(trials.consider(text, signal))
  assert.deepEqual([(await report()).state, globs(trials.inForce.config)], ['applied', ['/new']])
})

test('what is to be tried once more is old as soon as a newer one has been seen', async (t) => {
  const { start, report } = await device(t)
  const { trials, network, agent, signal, pass } = await start()
  network.answers = false
  const older = signed(1, 'to: http://127.0.0.1:2\n')
  await pass(trials.consider(older, signal))
  await trials.consider(signed(2, 'bad: 1\n'), signal)
  await trials.consider(older, signal)
  assert.match((await report()).error ?? '', /version 1 is older than 2/)
  assert.equal(agent.reloads.length, 2)
  const { trials: next } = await start()
  assert.equal(next.inForce.signed, undefined)
})

test('an agent that cannot go back to what it ran with ends', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal } = await start()
  agent.reload = async () => {
    throw new Error('the disk is gone')
  }
  await trials.consider(signed(1, tails('/new')), signal)
  assert.match(String(trials.lost.reason), /the disk is gone/)
  assert.equal((await report()).state, 'rolled_back')
  assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'])
})

test('a state that is damaged does not keep the agent from starting', async (t) => {
  const { start, file } = await device(t)
  const first = await start()
  await first.pass(first.trials.consider(signed(1, tails('/new')), first.signal))
  const path = join(file, '../remote/state.json')
  for (const damage of ['', '{', '[]', '{"v":1}', '{"v":1,"highest":{},"good":{"signed":"x"}}']) {
    await writeFile(path, damage)
    assert.deepEqual(globs((await start()).trials.inForce.config), ['/own'], damage)
  }
  await writeFile(path, '{"v":2}')
  await assert.rejects(start(), /run a newer one/)
})

test('the file of the device is not read again in the middle of a trial', async (t) => {
  const { start } = await device(t)
  const { trials, signal, load, pass } = await start()
  const work = trials.consider(signed(1, tails('/new')), signal)
  await assert.rejects(trials.reload(await load()), /being tried/)
  await pass(work)
  await trials.reload(await load())
  assert.deepEqual(globs(trials.inForce.config), ['/new'])
  const { remote: _remote, ...without } = await load()
  await assert.rejects(trials.reload(without), /"remote" cannot be removed/)
})

test('what is not right is refused with its reason, and never comes into force', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal } = await start()
  const cases: readonly (readonly [string, RegExp])[] = [
    ['sources: { app: { tail: /x\n  - ', /^remote configuration 1:\d/],
    ['sources: { app: { tial: /x } }\n', /:1:\d+: sources\.app: .*did you mean "tail"/],
    ['sources: {}\n', /there is no source/],
    ['logg: { level: debug }\n', /did you mean "log"/],
    ['dataDir: /elsewhere\n', /dataDir: may not be set from afar/],
    ['device: other\n', /device: may not be set from afar/],
    ['buffer: { cap: 1 GiB }\n', /buffer: may not be set from afar/],
    ['remote: { publicKey: x }\n', /remote: may not be set from afar/],
    ['to: mqtt://elsewhere\n', /remote\.url: is missing/],
    ['token: { file: /etc/passwd }\n', /token\.file: no folder is configured/],
    ['token: ${PATH}\n', /only names that begin with HEADWATER_/],
    ['sources: { x: { exec: [id], every: 1s } }\n', /sources\.x\.exec: runs a command/],
    ['just text\n', /must be a map/]
  ]
  for (const [i, [config, reason]] of cases.entries()) {
    await trials.consider(signed(i + 1, config), signal)
    const { state, version, error = '' } = await report()
    assert.deepEqual([state, version], ['rejected', i + 1])
    assert.match(error.replace(`configuration ${i + 1}:`, 'configuration 1:'), reason)
  }
  assert.deepEqual(agent.reloads, [])
})

test('what was refused once is old, and so is every version before it', async (t) => {
  const { start, report } = await device(t)
  const { trials, agent, signal } = await start()
  await trials.consider(signed(5, 'bad: 1\n'), signal)
  for (const version of [4, 5]) {
    await trials.consider(signed(version, tails('/new')), signal)
    assert.match((await report()).error ?? '', new RegExp(`version ${version} (is older|was seen)`))
  }
  assert.deepEqual(agent.reloads, [])
})

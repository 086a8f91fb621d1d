import assert from 'node:assert/strict'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeConfigKeys } from '../../shared/signed-config.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { textOf } from '../support/programs.ts'
import { RemoteFleet } from '../support/remote-fleet.ts'
import { numberedLines } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

test('a good configuration is applied, told of, and there after kill -9', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.tail(numberedLines(100))
  await fleet.received(100)
  const version = await fleet.set(fleet.bothSources(), { target: 'group/vans' })
  const { inForce } = await fleet.settled(version, 'applied')
  assert.equal(inForce, version)
  await fleet.received(101)
  await fleet.agent.kill()
  await fleet.tail(numberedLines(100, 101))
  await appendFile(fleet.scenario.path('other.log'), 'still\n')
  fleet.agent.start()
  const records = await fleet.received(202)
  const own = records.filter((one) => !lines('from the other\nstill\n').includes(textOf(one)))
  assertLinesOnceInOrder(own, lines(numberedLines(200)))
  assert.equal(records.length, 202)
})

test('what is not right is refused with the reason, and the agent goes on as it was', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.tail(numberedLines(10))
  await fleet.received(10)
  const cases: readonly (readonly [string, RegExp])[] = [
    ['sources: { app: { tail: /x\n  - ', /remote configuration \d+:\d/],
    ['logg: { level: debug }\n', /did you mean "log"/],
    ['token: { file: /etc/passwd }\n', /token\.file: no folder is configured/],
    ['sources: { x: { exec: [id], every: 1s } }\n', /sources\.x\.exec: runs a command/]
  ]
  for (const [config, reason] of cases) {
    const version = await fleet.set(config)
    const { error, inForce } = await fleet.settled(version, 'rejected')
    assert.match(error ?? '', reason)
    assert.equal(inForce, undefined)
  }
  await fleet.set('log: { level: debug }\n', { keys: makeConfigKeys() })
  const forged = await fleet.refused(/signed with the key [0-9a-f]{16}; remote\.publicKey has/)
  assert.equal(forged.version, undefined)
  await fleet.tail(numberedLines(10, 11))
  assertLinesOnceInOrder(await fleet.received(20), lines(numberedLines(20)))
})

test('an older version and one for somebody else are refused', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.set('log: { level: debug }\n', { target: 'all', version: 50 })
  await fleet.settled(50, 'applied')
  await fleet.set('log: { level: info }\n', { target: 'group/vans', version: 49 })
  const { error, inForce } = await fleet.settled(49, 'rejected')
  assert.match(error ?? '', /version 49 is older than 50/)
  assert.equal(inForce, 50)
  // Whoever holds the gateway gives out what was signed for another device.
  await fleet.set('log: { level: warn }\n', { target: 'device/device-2', version: 60 })
  const store = fleet.scenario.path('gateway/remote-config/device')
  await writeFile(`${store}/device-1.json`, await readFile(`${store}/device-2.json`))
  await fleet.refused(/signed for device\/device-2; this agent takes what is for device\/device-1/)
})

test('what the agent is made with changes as well: it is made anew and nothing is doubled', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.tail(numberedLines(50))
  await fleet.received(50)
  const { pid } = fleet.agent
  const version = await fleet.set('streams: { telemetry: { overflow: block } }\n')
  for (let round = 1; round < 6; round++) {
    await fleet.tail(numberedLines(50, round * 50 + 1))
    await delay(200)
  }
  await fleet.settled(version, 'applied')
  await fleet.tail(numberedLines(50, 301))
  assertLinesOnceInOrder(await fleet.received(350), lines(numberedLines(350)))
  const lane = await fleet.set(
    'streams: { telemetry: { order: newest-first } }\nlog: { level: debug }\n'
  )
  await fleet.settled(lane, 'applied')
  await fleet.tail(numberedLines(50, 351))
  const records = await fleet.received(400)
  assert.deepEqual(records.map(textOf).toSorted(), lines(numberedLines(400)).toSorted())
  assert.equal(fleet.agent.pid, pid)
  fleet.agent.signal('SIGTERM')
  assert.equal(await fleet.agent.exit(), 0, fleet.agent.output)
})

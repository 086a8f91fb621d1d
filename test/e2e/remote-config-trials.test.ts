import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { freePort, readAll, textOf } from '../support/programs.ts'
import { RemoteFleet } from '../support/remote-fleet.ts'
import { numberedLines } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

test('a gateway that does not answer is taken back, and nothing is lost or doubled', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.tail(numberedLines(50))
  await fleet.received(50)
  const version = await fleet.set(`to: http://127.0.0.1:${await freePort()}\n`)
  await fleet.agent.says(/is tried/)
  await fleet.tail(numberedLines(50, 51))
  const { error, inForce } = await fleet.settled(version, 'rolled_back')
  assert.match(error ?? '', /could not be asked/)
  assert.equal(inForce, undefined)
  await fleet.tail(numberedLines(50, 101))
  assertLinesOnceInOrder(await fleet.received(150), lines(numberedLines(150)))
  const next = await fleet.set('log: { level: debug }\n')
  await fleet.settled(next, 'applied')
  assert.equal((await readAll(fleet.scenario.url)).length, 150)
})

test('a configuration that ends the agent is not started with again', async (t) => {
  const fleet = await RemoteFleet.create(t)
  fleet.agent.start()
  await fleet.tail(numberedLines(10))
  await fleet.received(10)
  // Standard input of a service is empty: there is nothing to read and never will be.
  const version = await fleet.set('sources: { in: { stdin: true } }\n')
  assert.equal(await fleet.agent.exit(), 1, fleet.agent.output)
  await fleet.tail(numberedLines(10, 11))
  fleet.agent.start()
  assertLinesOnceInOrder(await fleet.received(20), lines(numberedLines(20)))
  const { error } = await fleet.settled(version, 'rolled_back')
  assert.match(error ?? '', /the agent ended: .*standard input/i)
})

test('kill -9 in the middle of a trial: it is tried once more, and then no more', async (t) => {
  const fleet = await RemoteFleet.create(t, { health: '20s' })
  fleet.agent.start()
  await fleet.tail(numberedLines(10))
  await fleet.received(10)
  const version = await fleet.set(fleet.bothSources())
  await fleet.settled(version, 'trying')
  await fleet.received(11)
  await fleet.agent.kill()
  fleet.agent.start()
  await appendFile(fleet.scenario.path('other.log'), 'at the second try\n')
  await fleet.received(12)
  await fleet.agent.kill()
  fleet.agent.start()
  const { error, inForce } = await fleet.settled(version, 'rolled_back')
  assert.match(error ?? '', /the agent ended 2 times while it was tried/)
  assert.equal(inForce, undefined)
  await appendFile(fleet.scenario.path('other.log'), 'read by nobody\n')
  await fleet.tail(numberedLines(10, 11))
  const records = await fleet.received(22)
  assert.deepEqual(
    records.map(textOf).toSorted(),
    [...lines(numberedLines(20)), 'from the other', 'at the second try'].toSorted()
  )
})

test('kill -9 at any moment leaves the old or the new, and every record once', async (t) => {
  const fleet = await RemoteFleet.create(t)
  await fleet.set(fleet.bothSources())
  for (let round = 0; round < 8; round++) {
    fleet.agent.start()
    await fleet.tail(numberedLines(10, round * 10 + 1))
    await delay(300 + round * 150)
    await fleet.agent.kill()
  }
  const version = await fleet.set(`${fleet.bothSources()}log: { level: debug }\n`)
  fleet.agent.start()
  await fleet.settled(version, 'applied')
  const records = await fleet.received(81)
  const own = records.filter((one) => textOf(one) !== 'from the other')
  assertLinesOnceInOrder(own, lines(numberedLines(80)))
  assert.equal(records.length, 81)
})

test('over MQTT the address is tried with records, while configuration comes over HTTP', async (t) => {
  const fleet = await RemoteFleet.create(t, { via: 'mqtt-cbor' })
  fleet.agent.start()
  await fleet.tail(numberedLines(10))
  await fleet.received(10)
  const wrong = await fleet.set(`to: mqtt://127.0.0.1:${await freePort()}\n`)
  await fleet.agent.says(/is tried/)
  await fleet.tail(numberedLines(10, 11))
  const { error } = await fleet.settled(wrong, 'rolled_back')
  assert.match(error ?? '', /no record reached the gateway/)
  const right = await fleet.set(`to: ${fleet.scenario.url}\n`)
  await fleet.settled(right, 'applied')
  assertLinesOnceInOrder(await fleet.received(20), lines(numberedLines(20)))
})

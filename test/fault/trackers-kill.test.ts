import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { readAll, ready, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const points = 300
const kills = 4
const firstSeconds = Math.floor(Date.now() / 1000) - 10_000

/** As the apps do: one point at a time, each until it is answered with 200. Some answers are lost. */
async function sendAll(url: string, random: SeededRandom): Promise<number> {
  let lost = 0
  for (let i = 0; i < points; ) {
    const query = `id=van-7&timestamp=${firstSeconds + i}&lat=48.${i}1&lon=16.3`
    const isLost = random.below(4) === 0
    const answer = await fetch(`${url}/v1/track/osmand?${query}`, { method: 'POST' }).catch(
      () => undefined
    )
    await answer?.text().catch(() => undefined)
    if (answer?.status === 200 && isLost) lost += 1
    else if (answer?.status === 200) i += 1
    else await delay(20)
  }
  return lost
}

test(`over ${kills} kill -9 of the gateway and lost answers, each of ${points} points is stored once, in order`, async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  let done = false
  const sending = sendAll(scenario.url, random).finally(() => {
    done = true
  })
  let killed = 0
  for (; killed < kills && !done; killed++) {
    await delay(100 + random.below(300))
    await gateway.kill()
    gateway.start()
    await ready(scenario.url, gateway)
  }
  const lost = await sending
  t.diagnostic(`${lost} answers lost, ${killed} kills`)
  assert.ok(lost > 0 && killed > 0)
  const times = (await readAll(scenario.url)).map((record) => {
    const { source } = JSON.parse(textOf(record)) as { source: { timestamp: string } }
    return Number(source.timestamp) - firstSeconds
  })
  assert.deepEqual(
    times,
    Array.from({ length: points }, (_, i) => i)
  )
})

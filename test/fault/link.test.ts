import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const text = numberedLines(2000)
const lines = text.split('\n').slice(0, -1)

const liars = {
  'a captive portal that answers 200 with a page': {
    status: 200,
    type: 'text/html',
    body: '<html>'
  },
  'a captive portal that answers 200 with JSON': {
    status: 200,
    type: 'application/json',
    body: '{}'
  },
  'a proxy that answers 404': { status: 404, type: 'text/plain', body: 'no such host' },
  'an empty 400': { status: 400, type: 'text/plain', body: '' },
  'a redirect': { status: 302, type: 'text/plain', body: '' }
} as const

for (const [who, answer] of Object.entries(liars)) {
  test(`${who} releases nothing; all arrives once the gateway is there`, async (t) => {
    const scenario = await Scenario.create(t)
    let asked = 0
    const portal = createServer((request, response) => {
      asked += 1
      request.resume()
      const headers = { 'content-type': answer.type, location: 'http://127.0.0.1:9/login' }
      response.writeHead(answer.status, headers).end(answer.body)
    })
    portal.listen(scenario.httpPort, '127.0.0.1')
    await once(portal, 'listening')
    const agent = scenario.agent([
      ...[
        '--config',
        await scenario.file('a.yaml', 'sender: { backoff: { first: 50ms, max: 300ms } }\n')
      ],
      ...['--tail', await scenario.file('app.log', text), '--once']
    ])
    agent.start()
    while (asked < 12) await delay(50)
    assert.ok(agent.running, agent.output)
    portal.closeAllConnections()
    portal.close()
    await once(portal, 'close')
    await scenario.startGateway()
    assert.equal(await agent.exit(60_000), 0, agent.output)
    assertLinesOnceInOrder(await readAll(scenario.url), lines)
  })
}

test('a stream that does not exist yet holds its own records and no others', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const config = await scenario.file(
    'agent.yaml',
    `
sender: { backoff: { first: 50ms, max: 300ms } }
sources:
  held: { tail: ${await scenario.file('held.log', 'for later\n')}, from: start, stream: later }
  app: { tail: ${await scenario.file('app.log', text)}, from: start }
`
  )
  const agent = scenario.agent(['--config', config])
  agent.start()
  while ((await readAll(scenario.url)).length < lines.length) await delay(50)
  assertLinesOnceInOrder(await readAll(scenario.url), lines)
  const created = await fetch(`${scenario.url}/v1/streams`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'later', shards: 1 })
  })
  assert.ok(created.ok, await created.text())
  agent.signal('SIGTERM')
  await agent.exit()
  agent.start()
  while ((await readAll(scenario.url, 'later')).length < 1) await delay(50)
  assert.deepEqual((await readAll(scenario.url, 'later')).map(textOf), ['for later'])
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { AgentConfig } from '../../../agent/config.ts'
import { ConfigClient } from '../../../agent/remote/config-client.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Secret } from '../../../shared/secret.ts'
import { signedConfigType } from '../../../shared/signed-config.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { watchedConfig } from './fake-agent.ts'

interface Asked {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A client, and a gateway that answers with `answer`. */
async function setup(t: TestContext, answer: (response: ServerResponse) => void) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes: Buffer) => (body += bytes.toString()))
    request.on('end', () => {
      asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, body })
      answer(response)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp(t, () => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `http://127.0.0.1:${address.port}/prefix`
  const client = (to: readonly string[] = [url], remote = {}) => {
    const { sender, ...watched } = watchedConfig('/a')
    const config = {
      ...watched,
      sender: { ...sender, timeout: 2000 },
      to,
      device: 'pi-1',
      token: Secret.text('sesame'),
      remote
    }
    return new ConfigClient({ config: () => config as unknown as AgentConfig })
  }
  return { asked, client, url, signal: new AbortController().signal }
}

const given = (text: string) => (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': signedConfigType, etag: '"e1"' }).end(text)

const code = (expected: string) => (error: unknown) =>
  error instanceof HeadwaterError && error.code === expected

test('the configuration of this device is asked for, with its token, group and the last tag', async (t) => {
  const { asked, client, url, signal } = await setup(t, given('text'))
  const one = client([url], { group: 'vans' })
  assert.equal(await one.fetch(signal), 'text')
  await one.fetch(signal)
  one.forget()
  await one.fetch(signal)
  assert.deepEqual(
    asked.map(({ line, headers }) => [line, headers.authorization, headers['if-none-match']]),
    [undefined, '"e1"', undefined].map((tag) => [
      'GET /prefix/v1/devices/pi-1/config?group=vans',
      'Bearer sesame',
      tag
    ])
  )
})

test('nothing set and nothing new are no configuration', async (t) => {
  for (const status of [204, 304]) {
    const { client, signal } = await setup(t, (response) => response.writeHead(status).end())
    assert.equal(await client().fetch(signal), undefined)
    await client().probe(signal)
  }
})

test('what answers in the place of the gateway is not believed', async (t) => {
  const page = await setup(t, (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>')
  )
  await assert.rejects(page.client().fetch(page.signal), code('no_ack'))
  await assert.rejects(page.client().probe(page.signal), code('no_ack'))
  const denied = await setup(t, (response) => response.writeHead(401).end())
  await assert.rejects(denied.client().fetch(denied.signal), code('unauthorized'))
})

test('a text without end is given up', async (t) => {
  const { client, signal } = await setup(t, given('x'.repeat(600 * 1024)))
  await assert.rejects(client().fetch(signal), code('transport'))
})

test('gateways are asked in turn, and those of MQTT not at all', async (t) => {
  const { asked, client, url, signal } = await setup(t, given('text'))
  const dead = 'http://127.0.0.1:1'
  assert.equal(await client(['mqtt://a', dead, url]).fetch(signal), 'text')
  assert.equal(await client(['mqtt://a'], { url }).fetch(signal), 'text')
  assert.equal(asked.length, 2)
  await assert.rejects(client([dead]).fetch(signal), code('transport'))
})

test('a report is put as JSON, and counts when the gateway says so', async (t) => {
  const { asked, client, signal } = await setup(t, (response) => response.writeHead(204).end())
  const status = { state: 'applied', version: 3, digest: 'd', inForce: 3, at: 'now' } as const
  await client().report(status, signal)
  assert.equal(asked[0]?.line, 'PUT /prefix/v1/devices/pi-1/config/status')
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), status)
  const other = await setup(t, given('text'))
  await assert.rejects(other.client().report(status, other.signal), code('no_ack'))
})

import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { readAll, ready, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { ClientProcess } from './client-process.ts'
import { type KinesisGateway, region, startKinesis } from './kinesis-gateway.ts'
import { missing } from './missing.ts'

const skip = missing({ 'Fluent Bit': ['fluent-bit', '--version'] })

test('each line that Fluent Bit puts through kinesis_streams is read once', { skip }, async (t) => {
  const kinesis = await startKinesis(t)
  const { scenario } = kinesis
  const text = numberedLines(2000)
  await scenario.file('app.log', text)
  const client = await fluentBit(t, scenario, kinesisOutput(kinesis))
  const lines = await client.until('as many lines are read', async () => {
    const read = await linesPut(scenario)
    return read.length >= 2000 ? read : undefined
  })
  assert.deepEqual(lines.toSorted(), linesOf(text).toSorted())
})

// It puts a chunk again from its start, so what had been taken of it is there twice.
test('no line of Fluent Bit is lost while the gateway is killed', { skip }, async (t) => {
  const kinesis = await startKinesis(t)
  const { scenario, gateway } = kinesis
  const log = await scenario.file('app.log', '')
  const client = await fluentBit(t, scenario, kinesisOutput(kinesis))
  const lives = 4
  const perLife = 3000
  for (let life = 0; life < lives; life++) {
    const before = (await linesPut(scenario)).length
    await appendFile(log, numberedLines(perLife, life * perLife + 1))
    await client.until('some of them are read', async () => {
      return (await linesPut(scenario)).length > before ? true : undefined
    })
    await gateway.kill()
    gateway.start()
    await ready(scenario.url, gateway)
  }
  const written = linesOf(numberedLines(lives * perLife))
  const lines = await client.until('all lines are read', async () => {
    const read = await linesPut(scenario)
    const different = new Set(read)
    return written.every((line) => different.has(line)) ? read : undefined
  })
  t.diagnostic(`${lines.length - written.length} of ${written.length} lines are there again`)
})

test('lines that Fluent Bit posts are read once, in order, under their key', {
  skip
}, async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const text = numberedLines(2000)
  await scenario.file('app.log', text)
  const client = await fluentBit(t, scenario, httpOutput(scenario))
  const records = await client.until('as many lines are read', async () => {
    const read = await readAll(scenario.url)
    return read.length >= 2000 ? read : undefined
  })
  assert.deepEqual(records.map(textOf), linesOf(text))
  assert.deepEqual(new Set(records.map((record) => record.partitionKey)), new Set(['web-1']))
})

/** Tails `app.log` through a buffer on disk, as one sets it up where nothing may be lost. */
async function fluentBit(t: TestContext, scenario: Scenario, to: string): Promise<ClientProcess> {
  const config = await scenario.file(
    'fluent-bit.yaml',
    `
service:
  flush: 1
  scheduler.base: 1
  scheduler.cap: 2
  storage.path: ${scenario.path('fluent-bit')}
  storage.sync: full
  storage.checksum: on
pipeline:
  inputs:
    - name: tail
      path: ${scenario.path('app.log')}
      read_from_head: true
      db: ${scenario.path('fluent-bit.db')}
      storage.type: filesystem
${to}
`
  )
  return new ClientProcess(t, ['fluent-bit', '-q', '-c', config])
}

/** It speaks TLS only, and always checks the certificate. */
function kinesisOutput({ scenario, tlsPort }: KinesisGateway): string {
  return `
  outputs:
    - name: kinesis_streams
      match: '*'
      region: ${region}
      stream: telemetry
      log_key: log
      endpoint: localhost
      port: ${tlsPort}
      tls.ca_file: ${scenario.path('gateway/kinesis-cert.pem')}
      retry_limit: no_limits`
}

/** The filter gives its records the names that a post has. */
function httpOutput({ httpPort }: Scenario): string {
  return `
  filters:
    - { name: modify, match: '*', rename: log text, add: partitionKey web-1 }
  outputs:
    - name: http
      match: '*'
      host: 127.0.0.1
      port: ${httpPort}
      uri: /v1/streams/telemetry/records
      format: json_lines
      json_date_key: time
      json_date_format: iso8601
      compress: gzip
      retry_limit: no_limits`
}

/** What came through kinesis_streams, which ends each record with a newline. */
async function linesPut(scenario: Scenario): Promise<string[]> {
  return linesOf((await readAll(scenario.url)).map(textOf).join(''))
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

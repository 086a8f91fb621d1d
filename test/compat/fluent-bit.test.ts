import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAll, textOf } from '../support/programs.ts'
import { ClientProcess } from './client-process.ts'
import { region, startKinesis } from './kinesis-gateway.ts'
import { missing } from './missing.ts'

const skip = missing({ 'Fluent Bit': ['fluent-bit', '--version'] })

test('what Fluent Bit puts through kinesis_streams is read once', { skip }, async (t) => {
  const { scenario, tlsPort } = await startKinesis(t)
  const input = ['-i', 'dummy', '-p', 'dummy={"from":"fluent-bit"}', '-p', 'samples=20']
  // It speaks TLS only, and always checks the certificate.
  const options = {
    region,
    stream: 'telemetry',
    endpoint: 'localhost',
    port: tlsPort,
    'tls.ca_file': scenario.path('gateway/kinesis-cert.pem')
  }
  const properties = Object.entries(options).flatMap(([name, value]) => ['-p', `${name}=${value}`])
  const output = ['-o', 'kinesis_streams', '-m', '*', ...properties]
  const client = new ClientProcess(t, ['fluent-bit', '-q', '-f', '1', ...input, ...output])
  const records = await client.until('20 records are read', async () => {
    const read = await readAll(scenario.url)
    return read.length >= 20 ? read : undefined
  })
  assert.deepEqual(
    records.map((record) => JSON.parse(textOf(record)) as unknown),
    Array.from({ length: 20 }, () => ({ from: 'fluent-bit' }))
  )
})

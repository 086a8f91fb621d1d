import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand
} from '@aws-sdk/client-kinesis'
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler'
import { pino } from 'pino'
import { KinesisServer } from '../../../../../gateway/engines/embedded/wire/kinesis-server.ts'
import type { WireObject } from '../../../../../gateway/engines/embedded/wire/operation.ts'
import { cborFormat } from '../../../../../gateway/engines/embedded/wire/protocol/cbor-format.ts'
import {
  type Certificate,
  selfSigned
} from '../../../../../gateway/engines/embedded/wire/transport/certificate.ts'
import { systemClock } from '../../../../../shared/clock.ts'
import { systemRandom } from '../../../../../shared/random.ts'
import { Secret } from '../../../../../shared/secret.ts'
import { cleanUp } from '../../../../support/cleanup.ts'
import { runningServer, sdkClient } from './running-server.ts'

const never = new AbortController().signal
const shard = 'shardId-000000000000'
const credentials = [{ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: Secret.text('secret') }]

async function askCbor(url: string, operation: string, input: WireObject): Promise<WireObject> {
  const contentType = 'application/x-amz-cbor-1.1'
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      'x-amz-target': `Kinesis_20131202.${operation}`,
      'x-amz-date': '20260101T000000Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0'
    },
    body: cborFormat.encode(input)
  })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), contentType)
  return Object(cborFormat.decode(Buffer.from(await response.arrayBuffer())))
}

/** Creates a stream, puts a record and reads it back by polling and by subscription. */
async function exercise(client: KinesisClient): Promise<void> {
  const StreamName = 's'
  const data = Buffer.from('hello')
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  const put = await client.send(new PutRecordCommand({ StreamName, PartitionKey: 'k', Data: data }))
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName, ShardId: shard, ShardIteratorType: 'TRIM_HORIZON' })
  )
  const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }))
  assert.deepEqual(Records?.[0]?.SequenceNumber, put.SequenceNumber)
  assert.deepEqual(Buffer.from(Records?.[0]?.Data ?? ''), data)
  assert.ok(Records?.[0]?.ApproximateArrivalTimestamp instanceof Date)
  const { Consumer } = await client.send(
    new RegisterStreamConsumerCommand({
      StreamARN: `arn:aws:kinesis:eu-central-1:000000000000:stream/${StreamName}`,
      ConsumerName: 'c'
    })
  )
  const { EventStream } = await client.send(
    new SubscribeToShardCommand({
      ConsumerARN: Consumer?.ConsumerARN,
      ShardId: shard,
      StartingPosition: { Type: 'TRIM_HORIZON' }
    })
  )
  for await (const { SubscribeToShardEvent: event } of EventStream ?? []) {
    assert.deepEqual(
      event?.Records?.map(({ SequenceNumber }) => SequenceNumber),
      [put.SequenceNumber]
    )
    break
  }
}

test('the SDK writes and reads over cleartext HTTP/2, as it does by itself', async (t) => {
  const { url } = await runningServer(t)
  await exercise(sdkClient(t, url))
})

test('the SDK writes and reads over HTTP/1.1 on the same port', async (t) => {
  const { url } = await runningServer(t)
  await exercise(sdkClient(t, url, { requestHandler: new NodeHttpHandler() }))
})

test('operations take and give CBOR as the SDK for Java does', async (t) => {
  const { url, engine } = await runningServer(t)
  await engine.create('s', { shards: 1 })
  const Data = Buffer.from('hello')
  await askCbor(url, 'PutRecord', { StreamName: 's', PartitionKey: 'k', Data })
  const { ShardIterator } = await askCbor(url, 'GetShardIterator', {
    StreamName: 's',
    ShardId: shard,
    ShardIteratorType: 'AT_TIMESTAMP',
    Timestamp: new Date(Date.now() - 60_000)
  })
  const { Records } = await askCbor(url, 'GetRecords', { ShardIterator })
  const [record] = Array.isArray(Records) ? Records : []
  assert.deepEqual(record.Data, Data)
  assert.ok(record.ApproximateArrivalTimestamp instanceof Date)
})

test('PutRecords of 10 MiB fits, also several at once on one connection', async (t) => {
  const { url, server } = await runningServer(t)
  const client = sdkClient(t, url)
  await client.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }))
  const Data = Buffer.alloc(1024 * 1024 - 1, 7)
  const Records = Array.from({ length: 10 }, () => ({ Data, PartitionKey: 'k' }))
  const put = () => client.send(new PutRecordsCommand({ StreamName: 's', Records }))
  for (const answer of await Promise.all([put(), put(), put()])) {
    assert.equal(answer.FailedRecordCount, 0)
  }
  assert.equal(server.stats().bodyBytes, 0)
})

test('what the SDK signs is verified, over both versions', async (t) => {
  for (const requestHandler of [new NodeHttp2Handler(), new NodeHttpHandler()]) {
    const { url } = await runningServer(t, { credentials })
    await exercise(sdkClient(t, url, { requestHandler }))
    const stranger = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'guess' }
    const client = sdkClient(t, url, { credentials: stranger })
    await assert.rejects(client.send(new CreateStreamCommand({ StreamName: 'x' })), {
      name: 'InvalidSignatureException'
    })
  }
})

test('a client that trusts the certificate that was made writes and reads over TLS', async (t) => {
  const { server, directory } = await runningServer(t, {
    tls: { listen: { host: '127.0.0.1', port: 0 } }
  })
  const url = `https://localhost:${server.ports()[1]}`
  const ca = await readFile(join(directory, 'kinesis-cert.pem'))
  await exercise(sdkClient(t, url, { requestHandler: new NodeHttpHandler({ httpsAgent: { ca } }) }))

  const session = connectHttp2(url, { ca })
  cleanUp(t, () => session.destroy())
  await once(session, 'connect')
  assert.equal(session.alpnProtocol, 'h2')
  const stream = session.request({ ':method': 'POST' })
  stream.end()
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 400)
})

test('a renewed certificate is for new connections; those that are open go on', async (t) => {
  const made = () => selfSigned([], { nowMs: Date.now(), random: systemRandom })
  const [before, after] = [made(), made()]
  let renew: (certificate: Certificate) => void = () => undefined
  const certificate = {
    current: () => before,
    onChange: (listener: (certificate: Certificate) => void) => {
      renew = listener
    }
  }
  const { server } = await runningServer(t, {
    tls: { listen: { host: '127.0.0.1', port: 0 }, certificate }
  })
  const url = `https://localhost:${server.ports()[1]}`
  const post = async (session: ClientHttp2Session) => {
    const stream = session.request({ ':method': 'POST' })
    stream.end()
    const [headers] = await once(stream, 'response')
    return headers[':status']
  }
  const open = connectHttp2(url, { ca: before.cert })
  cleanUp(t, () => open.destroy())
  await once(open, 'connect')
  renew(after)
  const next = connectHttp2(url, { ca: after.cert })
  cleanUp(t, () => next.destroy())
  assert.deepEqual([await post(open), await post(next)], [400, 400])
})

test('the certificate that was made is kept, and only the owner reads its key', async (t) => {
  const tls = { listen: { host: '127.0.0.1', port: 0 } }
  const { engine, directory } = await runningServer(t, { tls })
  const path = join(directory, 'kinesis-cert.pem')
  const before = await readFile(path, 'utf8')
  const key = await stat(join(directory, 'kinesis-key.pem'))
  assert.equal(key.mode & 0o777, 0o600)
  const again = await runningServer(t, { tls, directory, context: { engine } })
  assert.equal(await readFile(path, 'utf8'), before)
  assert.equal(again.server.ports().length, 2)
})

test('it does not listen where others reach it unless signatures are checked', async (t) => {
  const { engine, directory } = await runningServer(t)
  const open = { host: '0.0.0.0', port: 0 }
  for (const place of [{ listen: open }, { tls: { listen: open } }]) {
    await assert.rejects(runningServer(t, { ...place, directory, context: { engine } }), {
      code: 'config',
      message: /0\.0\.0\.0:0 .*credentials/
    })
  }
})

test('a port that is in use is named with the flag that moves it', async (t) => {
  const { engine, directory, server } = await runningServer(t)
  const listen = { host: '127.0.0.1', port: server.ports()[0] ?? 0 }
  await assert.rejects(runningServer(t, { listen, directory, context: { engine } }), {
    code: 'port_taken',
    message: /--kinesis HOST:PORT/
  })
})

test('a server may be stopped before it starts, and twice', async (t) => {
  const { engine, directory, server } = await runningServer(t)
  await Promise.all([server.stop(never), server.stop(never)])
  const context = { engine, limits: 'none', clock: systemClock, random: systemRandom } as const
  const idle = new KinesisServer({
    context: { ...context, log: pino({ enabled: false }) },
    directory
  })
  await idle.stop(never)
  await idle.start(never)
  assert.deepEqual(idle.ports(), [])
})

test('a server that is stopped while it starts does not listen', async (t) => {
  const { engine, directory } = await runningServer(t)
  const server = new KinesisServer({
    context: {
      engine,
      limits: 'none',
      clock: systemClock,
      random: systemRandom,
      log: pino({ enabled: false })
    },
    listen: { host: '127.0.0.1', port: 0 },
    directory
  })
  const started = server.start(never)
  // Past the reading of secrets: the port is being opened.
  await Promise.resolve()
  await Promise.resolve()
  await Promise.all([started, server.stop(never)])
  assert.deepEqual(server.ports(), [0])
})

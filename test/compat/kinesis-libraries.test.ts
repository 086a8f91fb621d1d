import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import { hashKeyOf } from '../../gateway/engines/hash-key.ts'
import { type ReadRecord, readAll, textOf } from '../support/programs.ts'
import type { ClientProcess } from './client-process.ts'
import { buildJavaPrograms, javaProgram } from './java-programs.ts'
import { type KeyedRecord, KeyedStream, type Range } from './keyed-stream.ts'
import { startKinesis } from './kinesis-gateway.ts'
import { missing } from './missing.ts'

const skip = missing({ java: ['java', '-version'], maven: ['mvn', '-version'] })

before(() => {
  if (!skip) buildJavaPrograms()
})

for (const retrieval of ['polling', 'fan-out'] as const) {
  test(`KCL with ${retrieval} reads each record once, in order by key, through a split, a merge and a restart`, {
    skip
  }, async (t) => {
    const { stream, startConsumer } = await setup(t)
    const first = startConsumer(retrieval)
    await stream.put(200)
    await records(first, 200)
    await stream.split()
    await stream.put(200)
    await stream.merge()
    await stream.put(200)
    const before = await records(first, 600)
    const ended = new Set(rows(first, 'end').map(([, shard]) => shard))
    assert.deepEqual(ended, new Set([0, 2, 3].map((index) => `shardId-00000000000${index}`)))
    first.closeInput()
    await first.succeeds()

    await stream.put(200)
    const second = startConsumer(retrieval)
    const after = await records(second, 200)
    second.closeInput()
    await second.succeeds()
    assert.deepEqual(byKey([...before, ...after]), stream.written)
  })
}

test('KCL reads each record that came over HTTP once, in order by key, through a split', {
  skip
}, async (t) => {
  const { scenario, stream, startConsumer } = await setup(t)
  for (let i = 0; i < 20; i++) {
    if (i === 10) await stream.split()
    await stream.post(scenario.url, 100)
  }
  const consumer = startConsumer('polling')
  const read = await records(consumer, stream.count)
  assert.ok(
    new Set(rows(consumer, 'record').map(([, , sequence]) => sequence)).size < read.length / 2
  )
  assert.deepEqual(byKey(read), stream.written)
  consumer.closeInput()
  await consumer.succeeds()
})

test('aggregates of the KPL are read by our reader and by KCL, through a split', {
  skip
}, async (t) => {
  const { scenario, tlsPort, stream, startConsumer } = await setup(t)
  const producer = javaProgram(t, 'Producer', String(tlsPort), stream.name, '8', '2')
  await producer.until('the first answers', () => producer.lines.length > 500 || undefined)
  await stream.split()
  await producer.until('answers after the split', () => producer.lines.length > 1500 || undefined)
  producer.closeInput()
  await producer.succeeds()
  assert.deepEqual(rows(producer, 'failed'), [])

  const ours = await readAll(scenario.url, stream.name)
  assertPut(ours.map(textOf), rows(producer, 'put'))
  const sequences = new Set(ours.map((record) => record.sequence))
  assert.ok(
    sequences.size < ours.length / 2,
    'they came as aggregates: several have one sequence number'
  )

  const expected = keptByKcl(ours, await stream.ranges())
  t.diagnostic(`${ours.length} records in the stream, ${expected.length} that KCL keeps`)
  const consumer = startConsumer('polling')
  const theirs = await records(consumer, expected.length)
  assert.deepEqual(theirs.map(({ data }) => data).sort(), expected.map(textOf).sort())
  consumer.closeInput()
  await consumer.succeeds()
})

async function setup(t: TestContext) {
  const gateway = await startKinesis(t)
  const stream = await KeyedStream.create(t, gateway.url)
  const tables = javaProgram(t, 'LeaseTables')
  const port = await tables.until('DynamoDB Local is ready', () => rows(tables, 'ready')[0]?.[1])
  const where = [gateway.url, `http://127.0.0.1:${port}`, stream.name, 'application']
  const startConsumer = (retrieval: string) => javaProgram(t, 'Consumer', ...where, retrieval)
  return { ...gateway, stream, startConsumer }
}

/** The lines of one kind, cut into columns. */
function rows(client: ClientProcess, kind: string): string[][] {
  return client.lines.map((line) => line.split('\t')).filter(([first]) => first === kind)
}

/** What a consumer was given, when that is at least `count` records. */
async function records(consumer: ClientProcess, count: number): Promise<KeyedRecord[]> {
  const all = await consumer.until(`${count} records are read`, () => {
    const read = rows(consumer, 'record')
    return read.length >= count ? read : undefined
  })
  return all.map(([, , , , key = '', data = '']) => ({
    key,
    data: Buffer.from(data, 'base64').toString()
  }))
}

function byKey(records: readonly KeyedRecord[]): ReadonlyMap<string, string[]> {
  const lists = new Map<string, string[]>()
  for (const { key, data } of records) lists.set(key, [...(lists.get(key) ?? []), data])
  return lists
}

/** Every record that was put is there, and again only as often as the producer sent it again. */
function assertPut(read: readonly string[], puts: readonly (readonly string[])[]): void {
  const counts = new Map<string, number>()
  for (const data of read) counts.set(data, (counts.get(data) ?? 0) + 1)
  for (const [, data = '', , , attempts] of puts) {
    const count = counts.get(data) ?? 0
    assert.ok(count >= 1 && count <= Number(attempts), `${data}: ${count} of ${attempts} attempts`)
  }
  assert.equal(counts.size, puts.length)
}

/**
 * KCL drops an aggregate one of whose members is outside the range of its shard. The KPL makes such
 * aggregates when a shard is split under it, and sends only those members again that are outside.
 */
function keptByKcl(
  stored: readonly ReadRecord[],
  ranges: ReadonlyMap<string, Range>
): readonly ReadRecord[] {
  const outside = stored.filter(({ shard, partitionKey }) => {
    const range = ranges.get(shard)
    const hashKey = hashKeyOf(partitionKey)
    return range === undefined || hashKey < range.start || hashKey > range.end
  })
  const dropped = new Set(outside.map(({ sequence }) => sequence))
  return stored.filter(({ sequence }) => !dropped.has(sequence))
}

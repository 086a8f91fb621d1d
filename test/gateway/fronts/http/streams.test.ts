import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { FakeEngine } from '../../../support/fake-engine.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { startFront, until } from './fixture.ts'

const open = () => new AbortController().signal

/** Puts records as they are into the first open shard. */
async function put(engine: FakeEngine, ...texts: readonly (string | Buffer)[]) {
  const { shards } = await engine.describe('telemetry')
  const shard = shards.find((one) => one.open)
  assert.ok(shard)
  await engine.put(
    'telemetry',
    texts.map((text) => ({
      shard: shard.id,
      partitionKey: 'key',
      hashKey: shard.range.start,
      data: Buffer.from(text),
      marks: []
    })),
    open()
  )
}

interface Line {
  readonly shard: string
  readonly sequence: string
  readonly data: string
  readonly json?: unknown
  readonly text?: string
}

async function read(url: string): Promise<Line[]> {
  const response = await fetch(url)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]))
}

const dataOf = (lines: readonly Line[]) =>
  lines.map((line) => Buffer.from(line.data, 'base64').toString())

/** A read that stays open; `lines` grows as they come. */
async function follow(url: string) {
  const asked = get(url)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const lines: string[] = []
  const reading = createInterface({ input: response }).on('line', (line) => lines.push(line))
  const ended = new Promise<void>((resolve) => response.once('close', resolve))
  reading.on('error', () => undefined)
  asked.on('error', () => undefined)
  return { asked, response, lines, ended }
}

function post(url: string, body: unknown) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
}

test('streams are made, listed, described and deleted', async (t) => {
  const { url } = await startFront(t)
  const made = await post(`${url}/v1/streams`, { name: 'gps', shards: 2, retentionHours: 48 })
  assert.equal(made.status, 201)
  const described = (await made.json()) as { shards: { start: string; end: string }[] }
  assert.deepEqual(
    described.shards.map(({ start, end }) => [start, end]),
    [
      ['0', String(2n ** 127n - 1n)],
      [String(2n ** 127n), String(2n ** 128n - 1n)]
    ]
  )
  assert.deepEqual(await (await fetch(`${url}/v1/streams/gps`)).json(), described)
  const list = async () => (await fetch(`${url}/v1/streams`)).json()
  assert.deepEqual(await list(), { streams: ['gps', 'telemetry'] })
  const again = await post(`${url}/v1/streams`, { name: 'gps', shards: 2 })
  assert.equal(again.status, 409)
  assert.equal((await fetch(`${url}/v1/streams/gps`, { method: 'DELETE' })).status, 204)
  assert.deepEqual(await list(), { streams: ['telemetry'] })
  assert.equal((await fetch(`${url}/v1/streams/gps`)).status, 404)
})

test('shards are split, at the middle or at a hash key, and merged', async (t) => {
  const { url } = await startFront(t)
  const stream = `${url}/v1/streams/telemetry`
  const split = await post(`${stream}/split`, { shard: 'shardId-000000000000', at: '1000' })
  const { shards: children } = (await split.json()) as { shards: string[] }
  assert.deepEqual(children, ['shardId-000000000001', 'shardId-000000000002'])
  const merged = await post(`${stream}/merge`, { shard: children[0], neighbour: children[1] })
  assert.deepEqual(await merged.json(), { shards: ['shardId-000000000003'] })
  const { shards } = (await (await fetch(stream)).json()) as {
    shards: { id: string; end: string; open: boolean; parents: string[] }[]
  }
  assert.deepEqual(
    shards.map((one) => one.open),
    [false, false, false, true]
  )
  assert.equal(shards[1]?.end, '999')
  assert.deepEqual(shards[3]?.parents, children)
})

test('bad administration is answered 400, naming the field', async (t) => {
  const { url } = await startFront(t)
  for (const [path, body, message] of [
    ['', { name: 'a b', shards: 1 }, /name/],
    ['', { shards: 1 }, /name/],
    ['', { name: 'a', shards: 0 }, /shards/],
    ['', { name: 'a', shards: 1e9 }, /shards/],
    ['', { name: 'a', shards: 1, retentionHours: -1 }, /retentionHours/],
    ['', { name: 'a', shards: 1, retentionHours: 8761 }, /retentionHours/],
    ['', [], /map/],
    ['/telemetry/split', {}, /shard/],
    ['/telemetry/split', { shard: 'shardId-000000000000', at: '-1' }, /at/],
    ['/telemetry/split', { shard: 'shardId-000000000000', at: 5 }, /at/],
    ['/telemetry/split', { shard: 'shardId-000000000000', at: `${2n ** 128n}` }, /hash key/],
    ['/telemetry/merge', { shard: 'shardId-000000000000' }, /neighbour/]
  ] as const) {
    const response = await post(`${url}/v1/streams${path}`, body)
    const text = await response.text()
    assert.equal(response.status, 400, text)
    assert.match(text, message)
  }
  const junk = await fetch(`${url}/v1/streams`, { method: 'POST', body: '{' })
  assert.equal(junk.status, 400)
})

test('an engine whose streams are administered elsewhere says so', async (t) => {
  const { url } = await startFront(t, { admin: false })
  const response = await post(`${url}/v1/streams`, { name: 'gps', shards: 1 })
  assert.equal(response.status, 404)
  assert.match(await response.text(), /its own tools/)
})

test('reading gives one user record a line from the start, a time or a sequence number, to a limit', async (t) => {
  const { records, engine } = await startFront(t)
  await put(engine, 'a', 'b')
  await put(engine, 'c')
  const all = await read(records)
  assert.deepEqual(dataOf(all), ['a', 'b', 'c'])
  assert.deepEqual(Object.keys(all[0] ?? {}).sort(), [
    'data',
    'partitionKey',
    'sequence',
    'shard',
    'stream',
    'subSequence',
    'time'
  ])
  const [, second] = all
  assert.deepEqual(dataOf(await read(`${records}?from=${second?.sequence}`)), ['b', 'c'])
  assert.deepEqual(dataOf(await read(`${records}?limit=2`)), ['a', 'b'])
  assert.deepEqual(dataOf(await read(`${records}?shard=shardId-000000000000&limit=1`)), ['a'])
  assert.deepEqual(await read(`${records}?from=end`), [])
  assert.deepEqual(await read(`${records}?from=2100-01-01T00:00:00Z`), [])
  assert.equal((await read(`${records}?from=0`)).length, 3)
})

test('decode adds json or text beside the bytes, and nothing to what is neither', async (t) => {
  const { records, engine } = await startFront(t)
  await put(engine, '{"t":1}', 'plain', Buffer.from([255]))
  const lines = await read(`${records}?decode=true`)
  assert.deepEqual(
    lines.map(({ json, text }) => [json, text]),
    [
      [{ t: 1 }, undefined],
      [undefined, 'plain'],
      [undefined, undefined]
    ]
  )
  assert.deepEqual(dataOf(lines).slice(0, 2), ['{"t":1}', 'plain'])
})

test('decode gives JSON as it was written, in one line, also where a double cannot hold a number', async (t) => {
  const { records, engine } = await startFront(t)
  await put(engine, '\n{ "a": 12345678901234567890,\r\n"b": 1e400 }\n')
  const response = await fetch(`${records}?decode=true`)
  assert.match(
    await response.text(),
    /^[^\n]*,"json":{ "a": 12345678901234567890, {2}"b": 1e400 }}\n$/
  )
})

test('bad reads are answered before the first line', async (t) => {
  const { url, records } = await startFront(t)
  for (const [path, status, message] of [
    [`${records}?from=noon`, 400, /time/],
    [`${records}?limit=0`, 400, /limit/],
    [`${records}?limit=x`, 400, /limit/],
    [`${records}?from=12345678901234567890`, 400, /sequence/],
    [`${records}?shard=shardId-7`, 404, /shardId-7/],
    [`${url}/v1/streams/nope/records`, 404, /telemetry|nope/]
  ] as const) {
    const response = await fetch(path)
    const text = await response.text()
    assert.equal(response.status, status, text)
    assert.match(text, message)
  }
})

test('a follower gets a line at once, what comes later, and an empty line each 15 s', async (t) => {
  const clock = new ManualClock()
  const { records, engine } = await startFront(t, { clock })
  const { asked, lines, ended } = await follow(`${records}?from=end&follow=true`)
  await until(() => lines.length === 1)
  await put(engine, 'a')
  await until(() => lines.length === 2)
  await until(() => clock.sleeping === 1)
  await clock.advance(14_999)
  assert.equal(lines.length, 2)
  await clock.advance(1)
  await until(() => lines.length === 3)
  await put(engine, 'b')
  await until(() => lines.length === 4)
  const got = lines.map((line) =>
    line === '' ? '' : Buffer.from((JSON.parse(line) as Line).data, 'base64').toString()
  )
  assert.deepEqual(got, ['', 'a', '', 'b'])
  asked.destroy()
  await ended
  await until(() => clock.sleeping === 0)
})

test('a follower sees the children of a split', async (t) => {
  const { records, engine } = await startFront(t)
  await put(engine, 'a')
  const { asked, lines } = await follow(`${records}?follow=1`)
  await engine.split('telemetry', 'shardId-000000000000')
  await put(engine, 'b')
  await until(() => lines.filter((line) => line !== '').length === 2)
  asked.destroy()
})

test('a reader that does not read holds the reading back', async (t) => {
  const { records, engine } = await startFront(t)
  const big = 'x'.repeat(500_000)
  for (let i = 0; i < 60; i++) await put(engine, big)
  let reads = 0
  const engineRead = engine.read.bind(engine)
  engine.read = (...args) => {
    reads += 1
    return engineRead(...args)
  }
  const asked = get(records)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let before = -1
  while (before !== reads) {
    before = reads
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(reads < 15, `${reads} reads of 60 records`)
  let bytes = 0
  for await (const chunk of response) bytes += (chunk as Buffer).length
  assert.ok(bytes > 60 * 500_000)
  assert.ok(reads >= 15)
})

test('stop ends the readers', async (t) => {
  const { front, records } = await startFront(t)
  const { lines, ended, response } = await follow(`${records}?follow=true`)
  await until(() => lines.length === 1)
  await front.stop(open())
  await ended
  assert.equal(response.complete, true)
})

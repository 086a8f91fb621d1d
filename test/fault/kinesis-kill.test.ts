import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { cleanUp } from '../support/cleanup.ts'
import { freePort, readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const writers = 4
const recordsPerCall = 50
const lives = 5

test('what the Kinesis API acknowledged outlives kill -9, once, and no sequence number is used again', async (t) => {
  const scenario = await Scenario.create(t)
  const port = await freePort()
  const start = () => scenario.startGateway(['--kinesis', `127.0.0.1:${port}`])
  const client = new KinesisClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1
  })
  cleanUp(t, () => client.destroy())
  const acked = new Map<string, string>()
  let asked = 0
  let writing = true

  /** A call that fails may have been stored or not, so its records are never sent again. */
  async function write(writer: number): Promise<void> {
    for (let call = 0; writing; call++) {
      const texts = Array.from({ length: recordsPerCall }, (_, i) => `${writer}/${call}/${i}`)
      const Records = texts.map((text) => ({ Data: Buffer.from(text), PartitionKey: text }))
      asked += 1
      const answer = await client
        .send(new PutRecordsCommand({ StreamName: 'telemetry', Records }))
        .catch(() => undefined)
      if (!answer) await delay(20)
      answer?.Records?.forEach(({ SequenceNumber, ShardId }, i) => {
        if (SequenceNumber) acked.set(texts[i] ?? '', `${ShardId}/${SequenceNumber}`)
      })
    }
  }

  let gateway = await start()
  const running = Array.from({ length: writers }, (_, writer) => write(writer))
  for (let life = 1; life < lives; life++) {
    await delay(600)
    await gateway.kill()
    gateway = await start()
  }
  await delay(600)
  writing = false
  await Promise.all(running)
  const records = await readAll(scenario.url)
  const places = new Map<string, string>()
  for (const record of records) {
    const text = textOf(record)
    assert.ok(!places.has(text), `${text} is there twice`)
    places.set(text, `${record.shard}/${record.sequence}`)
  }
  t.diagnostic(`${acked.size} records acknowledged in ${lives} lives, of ${asked} calls`)
  assert.ok(acked.size > 1000)
  for (const [text, place] of acked) assert.equal(places.get(text), place, text)
  const sequences = records.map(({ shard, sequence }) => `${shard}/${sequence}`)
  assert.equal(new Set(sequences).size, sequences.length)
})

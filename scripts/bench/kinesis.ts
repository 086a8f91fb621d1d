import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { answersOk, Child, freePort, until } from './child.ts'
import { KinesisRequest } from './kinesis-request.ts'
import { type Line, megabytes, ratio, skipped, thousands } from './report.ts'

interface Server {
  readonly child: Child
  readonly url: string
}

/** Installed by `npm run test:compat`. */
const kinesalite = resolve('test/compat/peers/node_modules/kinesalite/cli.js')

const putRecords = 'kinesis: PutRecords 500 x 200 B, 4 connections, records/s, fsynced'
const putRecord = 'kinesis: PutRecord 200 B, 16 connections, records/s, fsynced'
const getRecords = 'kinesis: GetRecords of 200 B records'

/** The wire API of the embedded engine, beside an emulator that keeps its records in memory. */
export async function benchKinesis(directory: string): Promise<Line[]> {
  const ours = await startOurs(join(directory, 'gateway-kinesis'))
  const other = await startKinesalite()
  const lines: Line[] = []
  try {
    const figures = await measure(ours.url)
    const peer = other && (await measure(other.url))
    lines.push(
      ...(peer
        ? [
            beside(`${putRecords} (kinesalite; aim 20)`, figures.putRecords, peer.putRecords),
            beside(`${putRecord} (kinesalite)`, figures.putRecord, peer.putRecord),
            {
              what: `${getRecords} (kinesalite)`,
              ours: `${megabytes(figures.read)}/s`,
              beside: `${megabytes(peer.read)}/s`,
              ratio: ratio(figures.read, peer.read)
            }
          ]
        : [
            skipped(`${putRecords} (${thousands(figures.putRecords)} of ours)`, notInstalled),
            skipped(`${putRecord} (${thousands(figures.putRecord)} of ours)`, notInstalled),
            skipped(`${getRecords} (${megabytes(figures.read)}/s of ours)`, notInstalled)
          ])
    )
    const p99Ms = await subscribe(ours.url)
    lines.push({
      what: 'kinesis: SubscribeToShard, from PutRecord to its event, p99',
      ours: `${p99Ms.toFixed(1)} ms`,
      beside: 'Kinesis: ~70 ms',
      ratio: ratio(p99Ms, 70)
    })
  } finally {
    await other?.child.stop()
    await ours.child.stop()
  }
  return lines
}

const notInstalled = 'kinesalite is not installed'

interface Figures {
  readonly putRecords: number
  readonly putRecord: number
  /** Bytes of data a second. */
  readonly read: number
}

async function measure(url: string): Promise<Figures> {
  await makeStream(url, 'bench', 4)
  // What is read is what this puts, so that neither server reads more than the other.
  const full = await load(url, [4, 4, 500])
  const read = await Child.ours('scripts/bench/kinesis-read.js', [url]).result<{
    bytesPerSecond: number
  }>()
  const single = await load(url, [16, 4, 0])
  return { putRecords: full.perSecond, putRecord: single.perSecond, read: read.bytesPerSecond }
}

/** Connections, seconds, records a put. */
function load(url: string, numbers: readonly number[]): Promise<{ perSecond: number }> {
  return Child.ours('scripts/bench/kinesis-load.js', [url, ...numbers.map(String)]).result()
}

async function subscribe(url: string): Promise<number> {
  await makeStream(url, 'one', 1)
  const client = new KinesisRequest(url)
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/one'
  const { Consumer } = await client.ask<{ Consumer: { ConsumerARN: string } }>(
    'RegisterStreamConsumer',
    { StreamARN, ConsumerName: 'bench' }
  )
  await client.close()
  const args = [url, Consumer.ConsumerARN, '300']
  const { p99Ms } = await Child.ours('scripts/bench/kinesis-subscribe.js', args).result<{
    p99Ms: number
  }>()
  return p99Ms
}

async function makeStream(url: string, StreamName: string, ShardCount: number): Promise<void> {
  const client = new KinesisRequest(url)
  await client.ask('CreateStream', { StreamName, ShardCount })
  await until(`stream ${StreamName}`, async () => {
    const { StreamDescription } = await client.ask<{ StreamDescription: { StreamStatus: string } }>(
      'DescribeStream',
      { StreamName }
    )
    return StreamDescription.StreamStatus === 'ACTIVE'
  })
  await client.close()
}

async function startOurs(directory: string): Promise<Server> {
  const [http, kinesis] = [await freePort(), await freePort()]
  const child = Child.ours('gateway/main.js', [
    'run',
    ...['--data-dir', directory, '--http', `127.0.0.1:${http}`, '--mqtt', 'off'],
    ...['--kinesis', `127.0.0.1:${kinesis}`]
  ])
  await until('gateway', () => answersOk(`http://127.0.0.1:${http}/readyz`))
  return { child, url: `http://127.0.0.1:${kinesis}` }
}

async function startKinesalite(): Promise<Server | undefined> {
  if (!existsSync(kinesalite)) return undefined
  const port = await freePort()
  const child = new Child(process.execPath, [
    ...[kinesalite, '--port', String(port), '--shardLimit', '100'],
    ...['--createStreamMs', '0']
  ])
  const url = `http://127.0.0.1:${port}`
  await until('kinesalite', async () => {
    const client = new KinesisRequest(url)
    try {
      return Boolean(await client.ask('ListStreams', {}))
    } finally {
      await client.close()
    }
  })
  return { child, url }
}

function beside(what: string, own: number, other: number): Line {
  return { what, ours: thousands(own), beside: thousands(other), ratio: ratio(own, other) }
}

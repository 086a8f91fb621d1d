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
  const urls = other ? [ours.url, other.url] : [ours.url]
  try {
    return [
      // What is read is what this puts, so that neither server reads more than the other.
      line(`${getRecords} (kinesalite)`, bytesText, await each(urls, fillAndRead)),
      line(`${putRecords} (kinesalite; aim 20)`, thousands, await inTurns(urls, [4, 4, 500])),
      line(`${putRecord} (kinesalite)`, thousands, await inTurns(urls, [16, 4, 0])),
      await subscribe(ours.url)
    ]
  } finally {
    await other?.child.stop()
    await ours.child.stop()
  }
}

const notInstalled = 'kinesalite is not installed'

/** What a round gave: ours, and the peer's if it is there. */
type Round = readonly number[]

const rounds = 5

async function each(urls: readonly string[], measure: (url: string) => Promise<number>) {
  const figures: number[] = []
  for (const url of urls) figures.push(await measure(url))
  return [figures]
}

/** Puts to one after the other, again and again: a machine that is shared is slow at times. */
async function inTurns(urls: readonly string[], numbers: readonly number[]): Promise<Round[]> {
  const taken: Round[] = []
  for (let i = 0; i < rounds; i++) taken.push(...(await each(urls, (url) => load(url, numbers))))
  return taken
}

function line(what: string, text: (figure: number) => string, taken: readonly Round[]): Line {
  const ours = median(taken.map(([own = 0]) => own))
  const others = taken.flatMap(([, other]) => (other === undefined ? [] : [other]))
  if (others.length === 0) return skipped(`${what}, ${text(ours)} of ours`, notInstalled)
  const ratios = taken.map(([own = 0, other = 0]) => own / other)
  return {
    what,
    ours: text(ours),
    beside: text(median(others)),
    ratio: ratio(median(ratios), 1)
  }
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0
}

function bytesText(bytesPerSecond: number): string {
  return `${megabytes(bytesPerSecond)}/s`
}

/** Bytes of data a second. */
async function fillAndRead(url: string): Promise<number> {
  await makeStream(url, 'bench', 4)
  await load(url, [4, 3, 500])
  const read = Child.ours('scripts/bench/kinesis-read.js', [url])
  return (await read.result<{ bytesPerSecond: number }>()).bytesPerSecond
}

/** Records a second; `numbers`: connections, seconds, records a put. */
async function load(url: string, numbers: readonly number[]): Promise<number> {
  const child = Child.ours('scripts/bench/kinesis-load.js', [url, ...numbers.map(String)])
  return (await child.result<{ perSecond: number }>()).perSecond
}

async function subscribe(url: string): Promise<Line> {
  await makeStream(url, 'one', 1)
  const client = new KinesisRequest(url)
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/one'
  const { Consumer } = await client.ask<{ Consumer: { ConsumerARN: string } }>(
    'RegisterStreamConsumer',
    { StreamARN, ConsumerName: 'bench' }
  )
  await client.close()
  const args = [url, Consumer.ConsumerARN, '300']
  const child = Child.ours('scripts/bench/kinesis-subscribe.js', args)
  const { p99Ms } = await child.result<{ p99Ms: number }>()
  return {
    what: 'kinesis: SubscribeToShard, from PutRecord to its event, p99',
    ours: `${p99Ms.toFixed(1)} ms`,
    beside: 'Kinesis: ~70 ms',
    ratio: ratio(p99Ms, 70)
  }
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

import { join } from 'node:path'
import { answersOk, Child, freePort, until } from './child.ts'
import type { RawDisk } from './raw-disk.ts'
import { type Line, megabytes, ratio, thousands } from './report.ts'

interface Load {
  readonly records: number
  readonly seconds: number
  readonly p99Ms: number
}

export interface RunningGateway {
  readonly child: Child
  readonly url: string
  readonly mqttPort: number
  readonly startMs: number
}

export async function startGateway(directory: string): Promise<RunningGateway> {
  const [http, mqttPort] = [await freePort(), await freePort()]
  const begin = performance.now()
  const child = Child.ours('gateway/main.js', [
    'run',
    ...[
      '--data-dir',
      directory,
      '--http',
      `127.0.0.1:${http}`,
      '--mqtt',
      `127.0.0.1:${mqttPort}`,
      '--kinesis',
      'off'
    ]
  ])
  const url = `http://127.0.0.1:${http}`
  await until('gateway', () => answersOk(`${url}/readyz`))
  return { child, url, mqttPort, startMs: performance.now() - begin }
}

/** Agent batches to the embedded engine, acked after fsync. */
export async function benchGatewayBatches(directory: string, disk: RawDisk): Promise<Line[]> {
  const gateway = await startGateway(join(directory, 'gateway'))
  const idle = gateway.child.memory().now
  await load(gateway.url, [8, 2])
  const cpuBefore = gateway.child.cpuSeconds()
  const full = await load(gateway.url, [8, 10])
  const cpuSeconds = gateway.child.cpuSeconds() - cpuBefore
  const memory = gateway.child.memory()
  const gentle = await load(gateway.url, [1, 5, 1, 10])
  await gateway.child.stop()
  const perSecond = full.records / full.seconds
  const perCpuSecond = full.records / cpuSeconds
  return [
    {
      what: 'gateway: 200 B records in agent batches, acked after fsync',
      ours: `${thousands(perSecond)} records/s`,
      beside: '',
      ratio: ''
    },
    {
      what: 'gateway: the same per CPU second of its process',
      ours: thousands(perCpuSecond),
      beside: 'aim 150,000',
      ratio: ratio(perCpuSecond, 150_000)
    },
    {
      what: 'gateway: the same in bytes, beside raw append+fdatasync',
      ours: `${megabytes(perSecond * 200)}/s`,
      beside: `${megabytes(disk.bytesPerSecond)}/s`,
      ratio: ratio(perSecond * 200, disk.bytesPerSecond)
    },
    {
      what: 'gateway: ack p99 at 100 records/s',
      ours: `${gentle.p99Ms.toFixed(1)} ms`,
      beside: 'aim 10 ms',
      ratio: ratio(gentle.p99Ms, 10)
    },
    {
      what: 'gateway: resident memory idle, peak under load',
      ours: megabytes(idle),
      beside: megabytes(memory.peak),
      ratio: ''
    },
    {
      what: 'gateway: start to ready',
      ours: `${gateway.startMs.toFixed(0)} ms`,
      beside: 'aim 1000 ms',
      ratio: ratio(gateway.startMs, 1000)
    }
  ]
}

/** Devices, seconds, records a batch, pause between batches in milliseconds. */
async function load(url: string, [devices, seconds, ...rest]: readonly number[]): Promise<Load> {
  const args = [url, devices, seconds, ...rest].map(String)
  return Child.ours('scripts/bench/batch-load.js', args).result<Load>()
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answersOk, Child, freePort, until } from './child.ts'
import { type Line, ratio } from './report.ts'

/** What AWS bills a put by. Bytes. */
const payloadUnitBytes = 25_000

/** A fleet's GPS fixes through the engine for Amazon Kinesis: what is billed beside the least that could be. */
export async function benchPayloadUnits(directory: string): Promise<Line[]> {
  const kinesisPort = await freePort()
  const region = await start(join(directory, 'region'), 'streams: { fleet: { shards: 4 } }', [
    ...['--kinesis', `127.0.0.1:${kinesisPort}`]
  ])
  // Any credentials do for an API without any.
  process.env['AWS_ACCESS_KEY_ID'] ??= 'bench'
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'bench'
  const endpoint = `http://127.0.0.1:${kinesisPort}`
  const config = `engine: { kinesis: { region: us-east-1, endpoint: '${endpoint}', stream: fleet } }`
  const site = await start(join(directory, 'site'), config, [])
  try {
    const { records, bytes } = await Child.ours('scripts/bench/gps-load.js', [
      ...[site.url, '4000', '8']
    ]).result<{ records: number; bytes: number }>()
    const metrics = await (await fetch(`${site.url}/metrics`)).text()
    const units = Number(/units_per_1000_records ([\d.]+)/.exec(metrics)?.[1])
    const least = (bytes / payloadUnitBytes / records) * 1000
    return [
      {
        what: 'kinesis engine: PUT payload units for 1,000 GPS fixes, beside the least possible',
        ours: units.toFixed(2),
        beside: least.toFixed(2),
        ratio: ratio(units, least)
      }
    ]
  } finally {
    await site.child.stop()
    await region.child.stop()
  }
}

/** A gateway with its files at `path`. */
async function start(
  path: string,
  config: string,
  args: readonly string[]
): Promise<{ child: Child; url: string }> {
  const port = await freePort()
  const file = `${path}.yaml`
  await writeFile(file, `${config}\n`)
  const child = Child.ours('gateway/main.js', [
    ...['run', '--config', file, '--data-dir', path],
    ...['--http', `127.0.0.1:${port}`, '--mqtt', 'off', '--kinesis', 'off', ...args]
  ])
  const url = `http://127.0.0.1:${port}`
  await until(path, () => answersOk(`${url}/readyz`))
  return { child, url }
}

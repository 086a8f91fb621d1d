import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { join } from 'node:path'
import { answersOk, Child, freePort, until } from './child.ts'
import type { RawDisk } from './raw-disk.ts'
import { type Line, megabytes, ratio, skipped, thousands } from './report.ts'

const lineCount = 2_000_000

interface Run {
  readonly linesPerSecond: number
  readonly cpuSeconds: number
  readonly peakBytes: number
}

/** Tail of a 386 MB log through the fsynced buffer to a sink that discards, beside Fluent Bit. */
export async function benchAgentTail(directory: string, disk: RawDisk): Promise<Line[]> {
  const log = join(directory, 'big.log')
  await writeLog(log)
  const { size } = await stat(log)
  const ours = await measure(
    (port) => Child.ours('agent/main.js', agentArguments(directory, log, port)),
    lineCount
  )
  const bytesPerSecond = (ours.linesPerSecond * size) / lineCount
  const gigabytes = size / 1e9
  return [
    {
      what: `agent: tail ${megabytes(size)}, fsynced, to an HTTP sink`,
      ours: `${thousands(ours.linesPerSecond)} lines/s`,
      beside: `aim 200,000`,
      ratio: ratio(ours.linesPerSecond, 200_000)
    },
    {
      what: 'agent: the same in bytes, beside raw append+fdatasync',
      ours: `${megabytes(bytesPerSecond)}/s`,
      beside: `${megabytes(disk.bytesPerSecond)}/s`,
      ratio: ratio(bytesPerSecond, disk.bytesPerSecond)
    },
    {
      what: 'agent: CPU seconds per GB, peak resident memory',
      ours: `${(ours.cpuSeconds / gigabytes).toFixed(1)} s`,
      beside: megabytes(ours.peakBytes),
      ratio: ''
    },
    await besideFluentBit(directory, log, ours)
  ]
}

function agentArguments(directory: string, log: string, port: number): string[] {
  return [
    'run',
    ...['--data-dir', join(directory, 'agent'), '--device', 'bench'],
    ...['--tail', log, '--once', '--to', `http://127.0.0.1:${port}`, '--health', 'off']
  ]
}

async function measure(start: (port: number) => Child, lines: number): Promise<Run> {
  const port = await freePort()
  const sink = Child.ours('scripts/bench/sink.js', [String(port)])
  const url = `http://127.0.0.1:${port}`
  await until('sink', () => answersOk(url))
  const begin = performance.now()
  const agent = start(port)
  let cpuSeconds = 0
  let peakBytes = 0
  await until('all lines at the sink', async () => {
    if (agent.running) {
      cpuSeconds = agent.cpuSeconds()
      peakBytes = agent.memory().peak
    }
    return Number(await (await fetch(url)).text()) >= lines
  })
  const seconds = (performance.now() - begin) / 1000
  await agent.stop()
  await sink.stop()
  return { linesPerSecond: lines / seconds, cpuSeconds, peakBytes }
}

async function writeLog(path: string): Promise<void> {
  const out = createWriteStream(path)
  const padding =
    'GET /api/v1/resource/of/some/length HTTP/1.1 200 1234 "-" "Mozilla/5.0 (X11; Linux)"'
  for (let i = 0; i < lineCount; i += 1000) {
    const block: string[] = []
    for (let k = i; k < i + 1000; k++) {
      block.push(
        `2026-01-01T00:00:00.000Z 192.0.2.1 ${String(k).padStart(9, '0')} ${padding}`.padEnd(192)
      )
    }
    if (!out.write(`${block.join('\n')}\n`)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
}

/** Same log, file-system storage with full sync, to an HTTP sink that counts nothing but lines. */
async function besideFluentBit(directory: string, log: string, ours: Run): Promise<Line> {
  const what = 'agent: lines/s beside Fluent Bit (filesystem, sync full)'
  try {
    execFileSync('fluent-bit', ['--version'], { stdio: 'ignore' })
  } catch {
    return skipped(what, 'fluent-bit is not installed')
  }
  const config = join(directory, 'fluent-bit.yaml')
  const theirs = await measureFluentBit(directory, log, config)
  return {
    what,
    ours: thousands(ours.linesPerSecond),
    beside: thousands(theirs),
    ratio: ratio(ours.linesPerSecond, theirs)
  }
}

async function measureFluentBit(directory: string, log: string, config: string): Promise<number> {
  const port = await freePort()
  const sink = Child.ours('scripts/bench/line-sink.js', [String(port)])
  const url = `http://127.0.0.1:${port}`
  await until('sink', () => answersOk(url))
  await writeFile(config, fluentBitConfig(directory, log, port))
  const begin = performance.now()
  const peer = new Child('fluent-bit', ['-q', '-c', config])
  await until('all lines at the sink', async () => {
    return Number(await (await fetch(url)).text()) >= lineCount
  })
  const seconds = (performance.now() - begin) / 1000
  await peer.stop()
  await sink.stop()
  return lineCount / seconds
}

function fluentBitConfig(directory: string, log: string, port: number): string {
  return `
service:
  flush: 1
  storage.path: ${join(directory, 'fluent-bit')}
  storage.sync: full
  storage.checksum: on
pipeline:
  inputs:
    - name: tail
      path: ${log}
      read_from_head: true
      db: ${join(directory, 'fluent-bit.db')}
      storage.type: filesystem
      buffer_chunk_size: 1M
      buffer_max_size: 8M
  outputs:
    - name: http
      match: '*'
      host: 127.0.0.1
      port: ${port}
      format: json_lines
      retry_limit: no_limits
`
}

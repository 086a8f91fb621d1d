import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answersOk, Child, freePort, until } from './child.ts'
import { type Line, ratio } from './report.ts'

const recordBytes = 160
const warmUpSeconds = 5
const seconds = 20

/** So many records reach a commit; at most so many bytes are written for one of theirs. */
const loads = [
  // A record a second under the preset's commit age of 10 s makes the same commits, a tenth as often.
  { what: '1 record/s of 160 B', records: 10, aim: 8 },
  { what: 'frames of 1000 records', records: 1000, aim: 1 }
] as const

/**
 * What the medium has to bear under the preset for SD cards: bytes the agent writes to disk for each
 * byte of its records, as `/proc/<pid>/io` counts them, without the journal of the file system.
 */
export async function benchAgentWear(directory: string): Promise<Line[]> {
  const lines: Line[] = []
  for (const { what, records, aim } of loads) {
    const written = await measure(join(directory, `wear-${records}`), records)
    lines.push({
      what: `agent: flash bytes written per raw byte, ${what}, SD preset`,
      ours: written.toFixed(2),
      beside: `aim ${aim}`,
      ratio: ratio(written, aim)
    })
  }
  return lines
}

async function measure(folder: string, recordsPerSecond: number): Promise<number> {
  const port = await freePort()
  const sink = Child.ours('scripts/bench/sink.js', [String(port)])
  await until('sink', () => answersOk(`http://127.0.0.1:${port}`))
  const log = `${folder}.log`
  const config = `${folder}.yaml`
  await writeFile(log, '')
  await writeFile(
    config,
    `to: http://127.0.0.1:${port}
dataDir: ${folder}
device: wear
health: { listen: off }
buffer: { media: sd-card, commitAge: 1s }
sources: { a: { tail: ${log}, from: start } }
`
  )
  const agent = Child.ours('agent/main.js', ['run', '--config', config])
  try {
    await write(log, recordsPerSecond, warmUpSeconds)
    const before = agent.writtenBytes()
    await write(log, recordsPerSecond, seconds)
    return (agent.writtenBytes() - before) / (recordsPerSecond * recordBytes * seconds)
  } finally {
    await agent.stop()
    await sink.stop()
  }
}

/** Readings of a sensor: alike, and no two the same. */
async function write(log: string, recordsPerSecond: number, forSeconds: number): Promise<void> {
  for (let second = 0; second < forSeconds; second++) {
    const lines = Array.from({ length: recordsPerSecond }, (_, i) => {
      const values = Array.from({ length: 6 }, () => (Math.random() * 100).toFixed(3)).join(',')
      const text = `{"n":${second * recordsPerSecond + i},"sensor":"engine","values":[${values}]`
      return `${text}${' '.repeat(Math.max(0, recordBytes - 1 - text.length))}}\n`
    })
    await appendFile(log, lines.join(''))
    await delay(1000)
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { benchAgentIdle } from './agent-idle.ts'
import { benchAgentTail } from './agent-tail.ts'
import { benchAgentWear } from './agent-wear.ts'
import { benchCodecs } from './codecs.ts'
import { benchGatewayBatches } from './gateway-batches.ts'
import { benchMqttSingle } from './mqtt-single.ts'
import { benchKinesis } from './kinesis.ts'
import { benchPayloadUnits } from './payload-units.ts'
import { measureRawDisk, type RawDisk } from './raw-disk.ts'
import { formatTable, type Line, megabytes } from './report.ts'

const parts: Readonly<Record<string, (directory: string, disk: RawDisk) => Promise<Line[]>>> = {
  codecs: benchCodecs,
  agent: benchAgentTail,
  idle: benchAgentIdle,
  wear: benchAgentWear,
  gateway: benchGatewayBatches,
  mqtt: benchMqttSingle,
  kinesis: benchKinesis,
  units: benchPayloadUnits
}

/** Runs the named parts, all when none is named, and prints the table; the exit code comes back. */
export async function bench(names: readonly string[]): Promise<number> {
  const unknown = names.find((name) => !(name in parts))
  if (unknown) {
    process.stderr.write(`no part "${unknown}"; there are: ${Object.keys(parts).join(', ')}\n`)
    return 2
  }
  // Beside the checkout's own disk, not in /tmp, which may be memory.
  const directory = await mkdtemp(join(resolve('.'), '.build-bench-'))
  try {
    const disk = await measureRawDisk(directory)
    const lines: Line[] = [
      {
        what: 'machine: append + fdatasync of 256 KiB',
        ours: `${megabytes(disk.bytesPerSecond)}/s`,
        beside: `${disk.syncMs.toFixed(2)} ms each`,
        ratio: ''
      }
    ]
    for (const [name, part] of Object.entries(parts)) {
      if (names.length > 0 && !names.includes(name)) continue
      process.stderr.write(`measuring ${name} …\n`)
      lines.push(...(await part(directory, disk)))
    }
    process.stdout.write(`${formatTable(lines)}\n`)
    return 0
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

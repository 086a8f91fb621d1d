import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '../../../shared/clock.ts'
import { endSignal, type Terminal } from '../../../shared/command-line.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { systemRandom } from '../../../shared/random.ts'
import { Secret } from '../../../shared/secret.ts'
import { printable } from '../../../shared/printable.ts'
import { many } from '../../../shared/quantities.ts'
import { exportEnding } from '../../carry/export-writer.ts'
import { type CarriedFrame, readExport } from '../../carry/read-export.ts'
import { type Replayed, replayFrames } from '../../carry/replay-frames.ts'
import { createTransport } from '../../sender/transports/index.ts'
import { plainLog } from './plain-log.ts'

export interface ReplayFlags {
  readonly to: string
  readonly tokenFile?: string
  readonly ca?: string
  readonly skipMissing?: true
}

/** A batch without an Ack for so long is sent again. Milliseconds. */
const timeoutMs = 30_000

/** `headwater-agent buffer replay` */
export async function replayExport(
  given: readonly string[],
  flags: ReplayFlags,
  terminal: Terminal
): Promise<void> {
  const paths = await filesOf(given)
  const { frames, problems, withheld } = await readExport(paths, {
    skipMissing: flags.skipMissing === true
  })
  for (const problem of problems) terminal.print(problem)
  const devices = [...new Set(frames.map(({ header }) => header.device))]
  if (flags.tokenFile !== undefined && devices.length > 1) {
    const message = `these files are of ${devices.join(', ')}, and a token is of one device: replay them one by one`
    throw new HeadwaterError('config', message)
  }
  const signal = endSignal(terminal)
  let complete = problems.length === 0
  for (const device of devices) {
    const own = frames.filter(({ header }) => header.device === device)
    const replayed = await replayDevice(own, { device, flags, signal, terminal })
    if (replayed.refused.length > 0 || replayed.ended) complete = false
    if (replayed.ended) break
  }
  if (withheld > 0) terminal.print(`${many(withheld, 'frame')} not sent, as said above.`)
  if (complete) return
  throw new HeadwaterError('store_corrupt', 'not everything arrived; see above')
}

async function replayDevice(
  frames: readonly CarriedFrame[],
  job: {
    readonly device: string
    readonly flags: ReplayFlags
    readonly signal: AbortSignal
    readonly terminal: Terminal
  }
): Promise<Replayed> {
  const { device, flags, signal, terminal } = job
  const records = frames.reduce((sum, { header }) => sum + header.count, 0)
  terminal.print(`${many(records, 'record')} of device ${device} to ${flags.to}`)
  const replayed = await replayFrames(frames, {
    transport: await transportTo(flags, device),
    clock: systemClock,
    random: systemRandom,
    log: plainLog((text) => terminal.print(text)),
    signal,
    progress: progressPrinter(terminal, records)
  })
  for (const line of replayed.refused) terminal.print(printable(line))
  const kept = replayed.refused.length > 0 ? '; the files still hold what was refused' : ''
  terminal.print(
    replayed.ended
      ? `Stopped after ${many(replayed.records, 'record')}; the same command goes on.`
      : `${many(replayed.records, 'record')} durable at the gateway, those included that it had already${kept}.`
  )
  return replayed
}

async function transportTo({ to, tokenFile, ca }: ReplayFlags, device: string) {
  if (!URL.canParse(to)) {
    throw new HeadwaterError('config', `--to: ${to} is no URL, as http://127.0.0.1:8080 is one`)
  }
  const secret = tokenFile === undefined ? undefined : Secret.inFile(resolve(tokenFile))
  await secret?.read()
  const authority = ca === undefined ? undefined : await authorityIn(resolve(ca))
  return createTransport(
    {
      url: new URL(to),
      device,
      token: secret && (() => secret.read()),
      format: 'cbor',
      gzip: false,
      tls: authority === undefined ? {} : { ca: authority },
      timeoutMs
    },
    systemClock
  )
}

async function authorityIn(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new HeadwaterError('config', `--ca: ${path} cannot be read: ${String(cause)}`, { cause })
  })
}

/** Files as they are; of a directory those that are exports by their names. */
async function filesOf(given: readonly string[]): Promise<string[]> {
  const paths: string[] = []
  for (const path of given.map((one) => resolve(one))) {
    const found = await stat(path).catch((cause: unknown) => {
      throw new HeadwaterError('config', `${path} is not there, or may not be read`, { cause })
    })
    if (found.isFile()) {
      paths.push(path)
      continue
    }
    if (!found.isDirectory()) throw new HeadwaterError('config', `${path} is no file`)
    // Some systems put files of their own beside, `._name`.
    const isExport = (name: string) => name.endsWith(exportEnding) && !name.startsWith('.')
    const names = (await readdir(path)).filter(isExport).toSorted()
    if (names.length === 0) {
      throw new HeadwaterError('config', `${path} has no file that ends in ${exportEnding}`)
    }
    paths.push(...names.map((name) => join(path, name)))
  }
  return paths
}

/** A line for every tenth that is done. */
function progressPrinter(terminal: Terminal, total: number): (records: number) => void {
  let tenths = 0
  return (records) => {
    const now = Math.floor((records / total) * 10)
    if (now > tenths && now < 10) terminal.print(`  ${now * 10} %`)
    tenths = Math.max(tenths, now)
  }
}

import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseByteSize } from '../../../shared/byte-size.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Terminal } from '../../../shared/command-line.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { parseTime } from '../../../shared/parse-time.ts'
import { systemRandom } from '../../../shared/random.ts'
import { many } from '../../../shared/quantities.ts'
import type { Carry } from '../../carry/entry.ts'
import { type Exported, exportFrames } from '../../carry/export-frames.ts'
import { type ExportSource, ownedFrames, viewedFrames } from '../../carry/export-source.ts'
import { exportEnding } from '../../carry/export-writer.ts'
import { createClock } from '../../create-clock.ts'
import type { DeviceTime } from '../../clock/device-time.ts'
import type { PlaceFlags } from '../agent-place.ts'
import { type AgentFacts, agentFacts } from './agent-facts.ts'
import { plainLog } from './plain-log.ts'
import { withOwnBuffer } from './with-own-buffer.ts'
import { withView } from './with-view.ts'

export interface ExportFlags extends PlaceFlags {
  readonly to: string
  readonly device?: string
  readonly stream?: string
  readonly until?: string
  readonly andRelease?: true
  readonly fileSize: string
}

interface Job {
  readonly flags: ExportFlags
  readonly terminal: Terminal
  readonly carry: Carry
  readonly facts: AgentFacts
  readonly time: DeviceTime
}

/** `headwater-agent buffer export` */
export async function exportBuffer(flags: ExportFlags, terminal: Terminal): Promise<void> {
  if (flags.andRelease && flags.until !== undefined) {
    const message =
      '--and-release lets go of whole streams: what is left of one would reach the gateway first, and it would take what you carry for repeats; leave out --until'
    throw new HeadwaterError('config', message)
  }
  const facts = agentFacts(flags, terminal)
  const carry = {
    id: systemRandom.bytes(16).toString('hex'),
    device: facts.device,
    madeMs: Math.round(systemClock.wallMs()),
    releases: flags.andRelease === true
  }
  const log = plainLog((text) => terminal.print(text))
  const watch = createClock({
    clock: systemClock,
    random: systemRandom,
    log,
    environment: terminal.env
  })
  await watch.start()
  try {
    const job = { flags, terminal, carry, facts, time: watch.time }
    const problems = carry.releases ? await exportAndRelease(job) : await exportCopy(job)
    for (const problem of problems) terminal.print(problem)
    if (problems.length > 0) {
      throw new HeadwaterError('store_corrupt', 'not all that waits could be exported; see above')
    }
  } finally {
    await watch.stop()
  }
}

function exportCopy(job: Job): Promise<readonly string[]> {
  const { flags, terminal, facts, time } = job
  return withView(flags, terminal, async (view) => {
    const { stream, until } = flags
    const untilMs = until === undefined ? undefined : parseTime(until)
    const source = await viewedFrames(view, { stream, untilMs }, { ...facts, time })
    await write(source, job)
    return source.problems
  })
}

async function exportAndRelease(job: Job): Promise<readonly string[]> {
  const { flags, terminal, facts, time } = job
  const options = { flags, terminal, device: facts.device, time }
  const problems = await withOwnBuffer(options, async (buffer) => {
    const source = ownedFrames(buffer, flags)
    const { ids } = await write(source, job)
    for (const id of ids) await buffer.release(id)
    return source.problems
  })
  return [...problems, ...(await keptIn(job))]
}

/** What could not be let go of, because the disk did not take it. */
function keptIn({ flags, terminal }: Job): Promise<string[]> {
  return withView(flags, terminal, async (view) => {
    const { frames } = await view.waiting()
    const kept = frames.filter(({ stream }) => (flags.stream ?? stream) === stream).length
    if (kept === 0) return []
    return [
      `${many(kept, 'frame')} could not be let go of, see to the disk: the agent sends them as well. The files are whole, and what arrives twice is stored once.`
    ]
  })
}

async function write(source: ExportSource, job: Job): Promise<Exported> {
  const { flags, terminal, carry } = job
  const base = await baseOf(flags.to, carry)
  const maxFileBytes = parseByteSize(flags.fileSize)
  const exported = await exportFrames(source, { carry, base, maxFileBytes })
  const { frames, records, streams, paths } = exported
  if (frames === 0) {
    const what = flags.stream === undefined ? 'Nothing' : `Nothing of stream ${flags.stream}`
    terminal.print(`${what} waits; no file was written.`)
    return exported
  }
  const what = `${many(records, 'record')} of ${many(streams.length, 'stream')} (${streams.join(', ')})`
  terminal.print(`${what} of device ${carry.device}, written and read back:`)
  for (const path of paths) terminal.print(`  ${path}`)
  terminal.print(
    carry.releases
      ? 'The buffer lets go of them: these files are all there is. Send them with: headwater-agent buffer replay'
      : 'The buffer keeps them; what arrives twice is stored once.'
  )
  return exported
}

/** Into a directory under a name of its own, else under the name that was given. */
async function baseOf(to: string, { id, device, madeMs }: Carry): Promise<string> {
  const path = resolve(to)
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )
  if (!isDirectory) return path.endsWith(exportEnding) ? path.slice(0, -exportEnding.length) : path
  // FAT takes no colons.
  const time = new Date(madeMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
  return join(path, `${device}-${time}Z-${id.slice(0, 8)}`)
}

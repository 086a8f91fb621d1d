import { access, constants, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesText, many } from '../../shared/quantities.ts'
import type { AgentConfig } from '../config.ts'
import { nearestDirectory } from '../machine.ts'
import { fail, type Finding, ok, reasonOf, warn } from './finding.ts'
import { lockHolder } from './lock-holder.ts'
import { type Machine, textBelow } from './machine.ts'

/** Who may use it and who does, what waits in it, and what was found damaged. */
export async function checkDataDirectory(
  machine: Machine,
  { dataDir }: AgentConfig
): Promise<readonly Finding[]> {
  const found = await stat(dataDir).catch((error: unknown) => error)
  if (found instanceof Error && reasonOf(found) === 'ENOENT') return [await absentFinding(dataDir)]
  const use = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => ok(`${dataDir} can be read and written`),
    (error: unknown) =>
      reasonOf(error) === 'EROFS'
        ? fail(`${dataDir} is read-only`, 'mount it rw; until then records wait in memory')
        : fail(
            `${dataDir}: ${reasonOf(error)}`,
            'only its owner may use it: run this as that user or with sudo'
          )
  )
  if (use.level === 'FAIL') return [use]
  return [
    use,
    await holderFinding(machine, dataDir),
    await segmentsFinding(dataDir),
    ...(await quarantineFinding(dataDir))
  ]
}

async function absentFinding(dataDir: string): Promise<Finding> {
  const parent = await nearestDirectory(dataDir)
  return access(parent, constants.W_OK | constants.X_OK).then(
    () => ok(`${dataDir} is not there yet; the first run makes it`),
    (error: unknown) =>
      fail(
        `${dataDir} is not there, and ${parent} cannot be written (${reasonOf(error)})`,
        'make it and give it to the user of the agent, or choose another dataDir'
      )
  )
}

async function holderFinding(machine: Machine, dataDir: string): Promise<Finding> {
  const pid = await lockHolder(machine, dataDir)
  if (pid === undefined) return ok('no agent uses it now')
  const command = (await textBelow(machine, `proc/${pid}/cmdline`)).split('\0').join(' ').trim()
  return ok(`in use by process ${pid}${command === '' ? '' : ` (${command.slice(0, 60)})`}`)
}

async function segmentsFinding(dataDir: string): Promise<Finding> {
  const folder = join(dataDir, 'segments')
  const names = await readdir(folder).catch((): string[] => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  )
  const segments = names.filter((name) => name.endsWith('.db')).length
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  return ok(`${many(segments, 'segment')}, ${bytesText(bytes)} with their logs`)
}

/** Every entry is a damaged file that was set aside, with what could not be salvaged. */
async function quarantineFinding(dataDir: string): Promise<Finding[]> {
  const folder = join(dataDir, 'quarantine')
  const names = await readdir(folder).catch((): string[] => [])
  if (names.length === 0) return []
  const what = `${many(names.length, 'damaged file')} salvaged and set aside`
  return [warn(what, `test the disk, then remove ${folder}`)]
}

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What of a machine is worth following. */
export interface Survey {
  /** `Raspberry Pi 4 Model B Rev 1.4`, where the firmware tells. */
  readonly model: string | undefined
  readonly hasJournal: boolean
  /** Patterns of log files that the journal does not have. */
  readonly logs: readonly string[]
  readonly gps: string | undefined
  readonly sensors: readonly string[]
  readonly hasDocker: boolean
}

/** Logs of the system, which are in the journal too where there is one. */
const systemLogs = ['syslog', 'messages', 'auth.log', 'kern.log', 'daemon.log']

/** Folders of /var/log that hold no logs, or those of installations. */
const dullFolders = /^(journal|private|apt|installer|dist-upgrade|unattended-upgrades|sysstat)$/

const mostLogPatterns = 6

/** Looks below `root`; changes nothing and asks nobody. */
export async function survey(root: string): Promise<Survey> {
  const booted = await namesIn(join(root, 'run/systemd'))
  const journals = await Promise.all(
    ['var/log/journal', 'run/log/journal'].map((folder) => namesIn(join(root, folder)))
  )
  const hasJournal = booted.includes('system') && journals.flat().length > 0
  const model = await readFile(join(root, 'proc/device-tree/model'), 'utf8').catch(() => '')
  return {
    model: model.replaceAll('\0', '').trim() || undefined,
    hasJournal,
    logs: await findLogs(root, hasJournal),
    gps: await findGps(root),
    sensors: await findSensors(root),
    hasDocker: (await namesIn(join(root, 'run'))).includes('docker.sock')
  }
}

async function findLogs(root: string, hasJournal: boolean): Promise<string[]> {
  const folder = join(root, 'var/log')
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const system = hasJournal ? [] : systemLogs
  const files = entries.filter((entry) => entry.isFile() && system.includes(entry.name))
  const folders = entries.filter((entry) => entry.isDirectory() && !dullFolders.test(entry.name))
  const patterns = await Promise.all(
    folders.map(async ({ name }) => {
      const inside = await namesIn(join(folder, name))
      return inside.some((file) => file.endsWith('.log')) ? [`/var/log/${name}/*.log`] : []
    })
  )
  return [...files.map(({ name }) => `/var/log/${name}`), ...patterns.flat()]
    .sort()
    .slice(0, mostLogPatterns)
}

/** gpsd opens its socket for control when it runs; receivers on USB say what they are in their link. */
async function findGps(root: string): Promise<string | undefined> {
  if ((await namesIn(join(root, 'run'))).includes('gpsd.sock')) return 'gpsd'
  const links = await namesIn(join(root, 'dev/serial/by-id'))
  const receiver = links.find((link) => /gps|gnss|u-blox/i.test(link))
  return receiver && `/dev/serial/by-id/${receiver}`
}

async function findSensors(root: string): Promise<string[]> {
  const kinds = [
    ['1-wire thermometer', 'sys/bus/w1/devices', /^(10|22|28|3b|42)-/],
    ['IIO device', 'sys/bus/iio/devices', /^iio:device\d+$/],
    ['hwmon chip', 'sys/class/hwmon', /^hwmon\d+$/],
    ['thermal zone', 'sys/class/thermal', /^thermal_zone\d+$/]
  ] as const
  const found = await Promise.all(
    kinds.map(async ([kind, folder, pattern]) => {
      const count = (await namesIn(join(root, folder))).filter((one) => pattern.test(one)).length
      return count === 0 ? [] : [`${count} ${kind}${count === 1 ? '' : 's'}`]
    })
  )
  return found.flat()
}

/** Empty where there is no such folder, or it is closed. */
function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}

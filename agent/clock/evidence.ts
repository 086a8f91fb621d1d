import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { floorMs } from './device-time.ts'

/** Runs a program and resolves with what it prints; rejects when it fails, or `signal` aborts. */
export type Ask = (
  program: string,
  args: readonly string[],
  signal?: AbortSignal
) => Promise<string>

/** A program that has not answered by then is ended. Milliseconds. */
const answerMs = 5000

const run = promisify(execFile)

/** With nothing of our environment but where programs are. */
export function askWith(environment: Readonly<Record<string, string | undefined>> = {}): Ask {
  const env = { PATH: environment['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' }
  const bounds = { env, timeout: answerMs, killSignal: 'SIGKILL' } as const
  return async (program, args, signal) => {
    const { stdout } = await run(program, args, signal ? { ...bounds, signal } : bounds)
    return stdout
  }
}

/**
 * When systemd-timesyncd has last set the clock, as a text that changes each time; undefined when
 * it has not since the boot. It touches this file at each synchronization
 * (systemd-timesyncd.service(8)).
 */
export async function timesyncdSync(root: string): Promise<string | undefined> {
  try {
    const { mtimeMs } = await stat(join(root, 'run/systemd/timesync/synchronized'))
    return `timesyncd ${mtimeMs}`
  } catch {
    return undefined
  }
}

/**
 * As `timesyncdSync`, by asking programs. timedated says what the kernel knows, whoever keeps its
 * clock; a step by hand ends that, so each yes is a new one. Without it chronyd is asked.
 */
export async function askedSync(ask: Ask, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const shown = await ask('timedatectl', ['show', '--property=NTPSynchronized'], signal)
    return shown.trim() === 'NTPSynchronized=yes' ? 'kernel' : undefined
  } catch {
    return ask('chronyc', ['-c', 'tracking'], signal).then(chronySync, () => undefined)
  }
}

/** Reference id of the local clock, which chronyd serves as if it were right where it is told to. */
const chronyLocal = '7F7F0101'

/** Of a line of `chronyc -c tracking`: the id first, the time of the last measurement fourth. */
function chronySync(line: string): string | undefined {
  const fields = line.trim().split(',')
  const leap = fields.at(-1)
  if (fields.length < 14 || leap === 'Not synchronised' || fields[0] === chronyLocal) {
    return undefined
  }
  return `chrony ${fields[3]}`
}

/** Time of a hardware clock that runs, milliseconds; undefined when there is none, or it was never set. */
export async function hardwareClockMs(root: string): Promise<number | undefined> {
  const directory = join(root, 'sys/class/rtc')
  const names: string[] = await readdir(directory).catch(() => [])
  for (const name of names.toSorted()) {
    const text = await readFile(join(directory, name, 'since_epoch'), 'utf8').catch(() => '')
    const ms = Number(text) * 1000
    if (ms >= floorMs) return ms
  }
  return undefined
}

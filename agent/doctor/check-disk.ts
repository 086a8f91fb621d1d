import { statfs } from 'node:fs/promises'
import { bytesText } from '../../shared/quantities.ts'
import { formatDuration } from '../../shared/duration.ts'
import type { AgentConfig } from '../config.ts'
import { nearestDirectory } from '../machine.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { type Machine, textBelow } from './machine.ts'
import { type Mount, mountOf } from './mount.ts'

/** SQLite's locks and fsync cannot be relied upon there (sqlite.org/lockingv3.html, section 6). */
const remote = /^(nfs|nfs4|cifs|smb3|9p|fuse\.sshfs)$/

/** Room, inodes and mount of the file system that holds, or will hold, the data directory. */
export async function checkDisk(
  machine: Machine,
  config: AgentConfig
): Promise<readonly Finding[]> {
  const directory = await nearestDirectory(config.dataDir)
  const { bavail, blocks, bsize, files, ffree } = await statfs(directory)
  const mount = mountOf(directory, await textBelow(machine, 'proc/self/mountinfo'))
  const { media, commitAge, compression } = config.buffer
  return [
    spaceFinding({ freeBytes: bavail * bsize, diskBytes: blocks * bsize }, config),
    ...inodesFinding(files, ffree),
    ...(mount ? [mountFinding(mount)] : []),
    ok(
      `taken for ${media === 'ssd' ? 'an SSD' : 'an SD card'}: a commit every ${formatDuration(commitAge)}, compression ${compression}`
    )
  ]
}

interface Space {
  readonly freeBytes: number
  readonly diskBytes: number
}

export function spaceFinding({ freeBytes, diskBytes }: Space, config: AgentConfig): Finding {
  const { freeDiskFloor, cap } = config.buffer
  const percent = Math.floor((freeBytes / diskBytes) * 100)
  const what = `${bytesText(freeBytes)} free of ${bytesText(diskBytes)} (${percent} %)`
  if (freeBytes <= freeDiskFloor) {
    const todo = `nothing is stored below ${bytesText(freeDiskFloor)} (buffer.freeDiskFloor): make room`
    return fail(what, todo)
  }
  if (freeBytes < freeDiskFloor + cap) {
    const todo = `the buffer may take ${bytesText(cap)} and leave ${bytesText(freeDiskFloor)}: make room or lower buffer.cap`
    return warn(what, todo)
  }
  return ok(what)
}

/** Some file systems have no fixed number of them and say 0. */
function inodesFinding(files: number, free: number): Finding[] {
  if (files === 0) return []
  const what = `${free} inodes free`
  return [free < 100 ? fail(what, 'no more files can be made there: remove some') : ok(what)]
}

export function mountFinding({ point, type, options }: Mount): Finding {
  const shown = [
    'ro',
    'rw',
    'noatime',
    'relatime',
    'sync',
    'nobarrier',
    'barrier=0',
    'data=writeback'
  ]
  const what = `${type} on ${point} (${shown.filter((one) => options.includes(one)).join(', ')})`
  if (options.includes('ro')) {
    return fail(what, 'it is read-only: mount it rw, or see dmesg why the kernel made it so')
  }
  if (type === 'tmpfs' || type === 'ramfs') {
    return warn(
      what,
      'it is memory: what waits there is gone after a reboot; choose another dataDir'
    )
  }
  if (remote.test(type)) {
    return warn(what, 'locks and fsync cannot be relied upon there: choose a local dataDir')
  }
  if (options.some((one) => one === 'nobarrier' || one === 'barrier=0')) {
    return warn(what, 'without barriers a power cut may damage the buffer: mount it with them')
  }
  return ok(what)
}

import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export type Media = 'ssd' | 'sd-card'

/** Where the kernel shows its devices and mounts. */
export interface SystemRoots {
  readonly sys: string
  readonly proc: string
}

/** Devices upon devices upon files; more than anybody builds. */
const mostLayers = 8

/** File systems on raw flash, without a block device between. */
const flashFileSystems: readonly string[] = ['ubifs', 'jffs2', 'yaffs', 'yaffs2']

/**
 * What a directory lies on. SD cards, eMMC, USB sticks and raw flash wear alike and are `sd-card`;
 * all else, what is not known too, is `ssd`. Looks through partitions, device mapper and RAID, loop
 * devices, overlays and file systems that have no device number of their own, such as btrfs.
 */
export async function mediumOf(
  directory: string,
  roots: SystemRoots,
  layers = mostLayers
): Promise<Media> {
  if (layers === 0) return 'ssd'
  try {
    const { dev } = await stat(directory)
    const numbers = deviceNumbers(dev)
    const found = await ofDevice(numbers, roots, layers)
    return found ?? (await ofMount(numbers, roots, layers)) ?? 'ssd'
  } catch {
    return 'ssd'
  }
}

/** Undefined when there is no such block device. */
async function ofDevice(
  numbers: string,
  roots: SystemRoots,
  layers: number
): Promise<Media | undefined> {
  const device = await realpath(join(roots.sys, 'dev/block', numbers)).catch(() => undefined)
  if (device === undefined || layers === 0) return undefined
  // The kernel names SD cards and eMMC so.
  if (device.includes('/mmcblk')) return 'sd-card'
  const partition = await textOf(join(device, 'partition'))
  const disk = partition === undefined ? device : dirname(device)
  const removable = (await textOf(join(disk, 'removable'))) === '1'
  // `queue/rotational` is 1 for most sticks, so it says nothing here.
  if (removable && /\/usb\d+\//.test(device)) return 'sd-card'
  const backing = await textOf(join(disk, 'loop/backing_file'))
  if (backing !== undefined) return mediumOf(backing, roots, layers - 1)
  const slaves = await readdir(join(disk, 'slaves')).catch(() => [])
  for (const slave of slaves) {
    const below = await textOf(join(disk, 'slaves', slave, 'dev'))
    const medium = below === undefined ? undefined : await ofDevice(below, roots, layers - 1)
    if (medium === 'sd-card') return medium
  }
  return 'ssd'
}

/** `36 35 0:32 / / rw shared:1 - btrfs /dev/mmcblk0p2 rw,subvol=/`, as proc(5) has it. */
async function ofMount(
  numbers: string,
  roots: SystemRoots,
  layers: number
): Promise<Media | undefined> {
  const mounts = (await textOf(join(roots.proc, 'self/mountinfo'))) ?? ''
  const line = mounts.split('\n').find((one) => one.split(' ')[2] === numbers)
  const [type = '', source = '', options = ''] = line?.split(' - ')[1]?.split(' ') ?? []
  if (flashFileSystems.includes(type)) return 'sd-card'
  const upper = /(?:^|,)upperdir=([^,]+)/.exec(options)?.[1]
  if (type === 'overlay' && upper !== undefined) return mediumOf(upper, roots, layers - 1)
  if (!source.startsWith('/dev/')) return undefined
  return ofDevice(deviceNumbers((await stat(source)).rdev), roots, layers - 1)
}

/** Linux packs 12 bits of major between 8 and 12 bits of minor (`gnu_dev_major`). */
function deviceNumbers(dev: number): string {
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`
}

/** Without the line end; undefined when it cannot be read. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined
  )
}

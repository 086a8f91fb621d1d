// Parsers of the files of proc(5); each takes the text of one file. What is missing reads as zero.

/** Time by what the processors did, in ticks, summed over all. */
export interface CpuTicks {
  readonly user: number
  readonly system: number
  readonly iowait: number
  readonly idle: number
}

/** The first line of `stat`: user nice system idle iowait irq softirq steal. */
export function parseStat(text: string): CpuTicks | undefined {
  const line = /^cpu +(.*)$/m.exec(text)?.[1]
  if (line === undefined) return undefined
  const ticks = line.trim().split(/ +/).map(Number)
  const at = (index: number) => ticks[index] ?? 0
  return {
    user: at(0) + at(1),
    system: at(2) + at(5) + at(6) + at(7),
    iowait: at(4),
    idle: at(3)
  }
}

/** `meminfo` in bytes by name. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [, name = '', value = '', unit] of text.matchAll(/^(\S+): +(\d+)( kB)?$/gm)) {
    found.set(name, Number(value) * (unit ? 1024 : 1))
  }
  return found
}

export interface DiskCounters {
  readonly reads: number
  readonly writes: number
  readonly readBytes: number
  readonly writtenBytes: number
  readonly busyMs: number
}

/** `diskstats` by device, without loop devices, RAM disks and partitions. Its sectors have 512 bytes. */
export function parseDiskstats(text: string): ReadonlyMap<string, DiskCounters> {
  const found = new Map<string, DiskCounters>()
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/ +/)
    const name = fields[2] ?? ''
    const at = (index: number) => Number(fields[index] ?? 0)
    if (name === '' || /^(loop|ram|zram|fd|sr|dm-)\d/.test(name) || isPartition(name, found))
      continue
    found.set(name, {
      reads: at(3),
      readBytes: at(5) * 512,
      writes: at(7),
      writtenBytes: at(9) * 512,
      busyMs: at(12)
    })
  }
  return found
}

/** Partitions follow their disk: `sda1` of `sda`, `mmcblk0p2` of `mmcblk0`. */
function isPartition(name: string, disks: ReadonlyMap<string, unknown>): boolean {
  const disk = /^(.*\d)p\d+$/.exec(name)?.[1] ?? /^(.*\D)\d+$/.exec(name)?.[1]
  return disk !== undefined && disks.has(disk)
}

export interface NetworkCounters {
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly receivedPackets: number
  readonly sentPackets: number
  readonly errors: number
  readonly drops: number
}

/** `net/dev` by interface, without the loopback. */
export function parseNetDev(text: string): ReadonlyMap<string, NetworkCounters> {
  const found = new Map<string, NetworkCounters>()
  for (const [, name = '', rest = ''] of text.matchAll(/^ *([^:\s]+):(.*)$/gm)) {
    if (name === 'lo') continue
    const values = rest.trim().split(/ +/).map(Number)
    const at = (index: number) => values[index] ?? 0
    found.set(name, {
      receivedBytes: at(0),
      receivedPackets: at(1),
      sentBytes: at(8),
      sentPackets: at(9),
      errors: at(2) + at(10),
      drops: at(3) + at(11)
    })
  }
  return found
}

const realFileSystems = new Set(
  'ext2 ext3 ext4 xfs btrfs f2fs zfs vfat exfat ntfs ntfs3 fuseblk jfs reiserfs bcachefs nfs nfs4 cifs overlay'.split(
    ' '
  )
)

/** Where real file systems of `mounts` are mounted, each device once. */
export function parseMounts(text: string): readonly string[] {
  const devices = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [device = '', mount = '', type = ''] = line.split(' ')
    if (!realFileSystems.has(type) || devices.has(device)) continue
    // Spaces and the like are written as octal escapes.
    devices.set(
      device,
      mount.replace(/\\(\d{3})/g, (_, octal) => octalCharacter(octal))
    )
  }
  return [...devices.values()]
}

function octalCharacter(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8))
}

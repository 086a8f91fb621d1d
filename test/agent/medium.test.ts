import assert from 'node:assert/strict'
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type Media, mediumOf } from '../../agent/medium.ts'
import { tempDir } from '../support/temp-dir.ts'

const pi = 'devices/platform/soc/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0'
const usb = 'devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sda'
const sata = 'devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda'
const nvme = 'devices/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1'
const dm = 'devices/virtual/block/dm-0'
const dm1 = 'devices/virtual/block/dm-1'
const md = 'devices/virtual/block/md0'
const virtio = 'devices/pci0000:00/0000:00:04.0/virtio1/block/vda'

/** `@` is the number of the data directory: of its file system. */
interface Tree {
  readonly title: string
  /** What the numbers in `/sys/dev/block` lead to. */
  readonly devices?: Readonly<Record<string, string>>
  /** Below `/sys`. */
  readonly files?: Readonly<Record<string, string>>
  /** Lines of `mountinfo`; `%` is the root of the tree. */
  readonly mounts?: string
  readonly medium: Media
}

const trees: readonly Tree[] = [
  {
    title: 'partition of an SD card',
    devices: { '@': `${pi}/mmcblk0p2` },
    files: { [`${pi}/mmcblk0p2/partition`]: '2\n', [`${pi}/removable`]: '0\n' },
    medium: 'sd-card'
  },
  { title: 'whole eMMC', devices: { '@': pi }, medium: 'sd-card' },
  {
    title: 'partition of a USB stick, which calls itself rotational',
    devices: { '@': `${usb}/sda1` },
    files: {
      [`${usb}/sda1/partition`]: '1\n',
      [`${usb}/removable`]: '1\n',
      [`${usb}/queue/rotational`]: '1\n'
    },
    medium: 'sd-card'
  },
  {
    title: 'USB stick without partitions',
    devices: { '@': usb },
    files: { [`${usb}/removable`]: '1\n' },
    medium: 'sd-card'
  },
  {
    title: 'SSD in a USB case',
    devices: { '@': `${usb}/sda1` },
    files: { [`${usb}/sda1/partition`]: '1\n', [`${usb}/removable`]: '0\n' },
    medium: 'ssd'
  },
  {
    title: 'hard disk',
    devices: { '@': `${sata}/sda1` },
    files: {
      [`${sata}/sda1/partition`]: '1\n',
      [`${sata}/removable`]: '0\n',
      [`${sata}/queue/rotational`]: '1\n'
    },
    medium: 'ssd'
  },
  {
    title: 'hot-swap SATA disk that calls itself removable',
    devices: { '@': sata },
    files: { [`${sata}/removable`]: '1\n' },
    medium: 'ssd'
  },
  {
    title: 'NVMe',
    devices: { '@': `${nvme}/nvme0n1p2` },
    files: { [`${nvme}/nvme0n1p2/partition`]: '2\n', [`${nvme}/removable`]: '0\n' },
    medium: 'ssd'
  },
  { title: 'disk of a virtual machine', devices: { '@': virtio }, medium: 'ssd' },
  {
    title: 'LUKS on LVM on an SD card',
    devices: { '@': dm, '253:1': dm1, '179:2': `${pi}/mmcblk0p2` },
    files: { [`${dm}/slaves/dm-1/dev`]: '253:1\n', [`${dm1}/slaves/mmcblk0p2/dev`]: '179:2\n' },
    medium: 'sd-card'
  },
  {
    title: 'RAID of an SSD and a USB stick',
    devices: { '@': md, '8:1': `${sata}/sda1`, '8:16': usb },
    files: {
      [`${md}/slaves/sda1/dev`]: '8:1\n',
      [`${sata}/sda1/partition`]: '1\n',
      [`${md}/slaves/sdb/dev`]: '8:16\n',
      [`${usb}/removable`]: '1\n'
    },
    medium: 'sd-card'
  },
  {
    title: 'LVM on NVMe',
    devices: { '@': dm, '259:2': `${nvme}/nvme0n1p2` },
    files: { [`${dm}/slaves/nvme0n1p2/dev`]: '259:2\n', [`${nvme}/nvme0n1p2/partition`]: '2\n' },
    medium: 'ssd'
  },
  {
    title: 'device mapper that stands on itself',
    devices: { '@': dm },
    files: { [`${dm}/slaves/dm-0/dev`]: '@\n' },
    medium: 'ssd'
  },
  {
    title: 'loop device whose file is gone',
    devices: { '@': 'devices/virtual/block/loop0' },
    files: { 'devices/virtual/block/loop0/loop/backing_file': '/not/there.img\n' },
    medium: 'ssd'
  },
  {
    title: 'btrfs on an SD card, by the device it was mounted from',
    devices: { '1:3': `${pi}/mmcblk0p2` },
    mounts: '36 35 @ / / rw,noatime shared:1 - btrfs /dev/null rw,subvol=/',
    medium: 'sd-card'
  },
  {
    title: 'raw flash',
    mounts: '36 35 @ / /data rw - ubifs ubi0:data rw',
    medium: 'sd-card'
  },
  { title: 'tmpfs', mounts: '36 35 @ / /run rw - tmpfs tmpfs rw,size=100k', medium: 'ssd' },
  {
    title: 'overlay whose upper layer is out of sight',
    mounts:
      '36 35 @ / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/not/there/diff,workdir=/c',
    medium: 'ssd'
  },
  {
    title: 'overlay upon itself',
    mounts: '36 35 @ / / rw - overlay overlay rw,lowerdir=/a,upperdir=%,workdir=/c',
    medium: 'ssd'
  },
  { title: 'nothing that is known', medium: 'ssd' }
]

for (const { title, medium, ...tree } of trees) {
  test(`medium: ${title} is ${medium}`, async (t) => {
    const directory = await tempDir(t)
    assert.equal(await mediumOf(directory, await rootsOf(directory, tree)), medium)
  })
}

test('medium: an overlay is what its upper layer lies on', async (t) => {
  const directory = await tempDir(t)
  const roots = await rootsOf(directory, {
    devices: { '1:3': pi },
    mounts:
      '36 35 @ / / rw - overlay overlay rw,lowerdir=/a,upperdir=/dev/shm,workdir=/c\n' +
      `37 35 ${numbersOf((await stat('/dev/shm')).dev)} / /dev/shm rw - btrfs /dev/null rw`
  })
  assert.equal(await mediumOf(directory, roots), 'sd-card')
})

test('medium: a loop device is what its file lies on', async (t) => {
  const directory = await tempDir(t)
  const shm = numbersOf((await stat('/dev/shm')).dev)
  const loop = 'devices/virtual/block/loop0'
  const roots = await rootsOf(directory, {
    devices: { '@': loop, [shm]: pi },
    files: { [`${loop}/loop/backing_file`]: '/dev/shm\n' }
  })
  assert.equal(await mediumOf(directory, roots), 'sd-card')
})

async function rootsOf(directory: string, tree: Partial<Tree>) {
  const at = numbersOf((await stat(directory)).dev)
  const roots = { sys: join(directory, 'sys'), proc: join(directory, 'proc') }
  await mkdir(join(roots.sys, 'dev/block'), { recursive: true })
  await mkdir(join(roots.proc, 'self'), { recursive: true })
  for (const [path, text] of Object.entries(tree.files ?? {})) {
    await mkdir(dirname(join(roots.sys, path)), { recursive: true })
    await writeFile(join(roots.sys, path), text.replace('@', at))
  }
  for (const [numbers, device] of Object.entries(tree.devices ?? {})) {
    await mkdir(join(roots.sys, device), { recursive: true })
    await symlink(join(roots.sys, device), join(roots.sys, 'dev/block', numbers.replace('@', at)))
  }
  const mounts = (tree.mounts ?? '').replace('@', at).replace('%', directory)
  await writeFile(join(roots.proc, 'self/mountinfo'), `${mounts}\n`)
  return roots
}

function numbersOf(dev: number): string {
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`
}

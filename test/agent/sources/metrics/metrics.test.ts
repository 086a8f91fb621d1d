import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { HostSample } from '../../../../agent/sources/metrics/host.ts'
import { metrics } from '../../../../agent/sources/metrics/metrics.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

sourceContract('metrics', async (t) => {
  const bench = new SourceBench(t, metrics)
  return {
    bench,
    options: { metrics: '100ms' },
    rewindable: false,
    produce: async (count) => {
      const wanted = bench.appender.chunks.length + count
      await bench.until(() => bench.appender.chunks.length >= wanted)
    }
  }
})

const before = {
  'proc/stat': 'cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 100 10 50 800 20 5 5 10 0 0\n',
  'proc/meminfo':
    'MemTotal:        1000 kB\nMemFree:          200 kB\nMemAvailable:     600 kB\nBuffers: 10 kB\nCached: 90 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\nHugePages_Total: 3\n',
  'proc/diskstats':
    ' 7 0 loop0 9 0 9 0 9 0 9 0 0 9 9\n 179 0 mmcblk0 10 0 100 5 20 0 200 9 0 30 40\n 179 1 mmcblk0p1 1 0 10 5 2 0 20 9 0 3 4\n 8 0 sda 1 0 8 0 0 0 0 0 0 0 0\n 8 1 sda1 1 0 8 0 0 0 0 0 0 0 0\n',
  'proc/net/dev':
    'Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0:1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n wlan0: 500 5 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n',
  'proc/mounts':
    'proc /proc proc rw 0 0\n/dev/root / ext4 rw 0 0\n/dev/root /again ext4 rw 0 0\n/dev/gone /nowhere\\040else ext4 rw 0 0\n',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'sys/class/thermal/thermal_zone0/temp': '48312\n',
  'sys/class/thermal/thermal_zone1/temp': 'nonsense\n',
  'sys/class/hwmon/hwmon0/name': 'coretemp\n',
  'sys/class/hwmon/hwmon0/temp1_input': '50000\n',
  'sys/class/hwmon/hwmon0/temp1_label': 'Core 0\n'
}

const after = {
  'proc/stat': 'cpu  150 10 75 900 40 5 5 15 0 0\n',
  'proc/diskstats':
    ' 179 0 mmcblk0 30 0 300 5 20 0 240 9 0 530 40\n 8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n',
  'proc/net/dev':
    '  eth0:3000 30 1 0 0 0 0 0 2000 20 0 1 0 0 0 0\n wlan0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  usb0: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n'
}

async function setup(t: TestContext, changes: object = {}) {
  const root = await tempDir(t)
  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), text)
    }
  }
  const bench = new SourceBench(t, metrics)
  const options = {
    metrics: '10s',
    procRoot: join(root, 'proc'),
    sysRoot: join(root, 'sys'),
    ...changes
  }
  const samples = () => bench.appender.texts.map((text) => JSON.parse(text) as HostSample)
  return { root, write, bench, options, samples }
}

test('rates are over the time since the reading before, and what has no rate is left out', async (t) => {
  const { write, bench, options, samples } = await setup(t)
  await write(before)
  bench.start(options)
  await bench.until(() => bench.clock.sleeping > 0, 0)
  await write(after)
  await bench.until(() => samples().length === 1)
  const [sample] = samples()
  assert.deepEqual(sample?.cpu, { user: 25, system: 15, iowait: 10, idle: 50 })
  assert.deepEqual(sample?.io, [
    {
      name: 'mmcblk0',
      readsPerSecond: 20,
      readBytesPerSecond: 102_400,
      writesPerSecond: 0,
      writtenBytesPerSecond: 20_480,
      busyMsPerSecond: 500
    }
  ])
  assert.deepEqual(sample?.network, [
    {
      name: 'eth0',
      receivedBytesPerSecond: 2000,
      receivedPacketsPerSecond: 20,
      sentBytesPerSecond: 0,
      sentPacketsPerSecond: 0,
      errorsPerSecond: 1,
      dropsPerSecond: 1
    }
  ])
})

test('memory, disks and temperatures are read as they are', async (t) => {
  const { write, bench, options, samples } = await setup(t)
  await write(before)
  bench.start(options)
  await bench.until(() => samples().length === 1)
  const [sample] = samples()
  assert.deepEqual(sample?.memory, {
    totalBytes: 1_024_000,
    availableBytes: 614_400,
    freeBytes: 204_800,
    cachedBytes: 102_400,
    swapTotalBytes: 51_200,
    swapFreeBytes: 40_960
  })
  assert.deepEqual(sample?.temperatures, [
    { name: 'cpu-thermal', celsius: 48.3 },
    { name: 'coretemp Core 0', celsius: 50 }
  ])
  assert.deepEqual(
    sample?.disks.map(({ mount }) => mount),
    ['/']
  )
  assert.ok((sample?.disks[0]?.totalBytes ?? 0) >= (sample?.disks[0]?.freeBytes ?? Infinity))
})

test('without proc and sys the machine is still reported', async (t) => {
  const { bench, options, samples } = await setup(t)
  bench.start(options)
  await bench.until(() => samples().length === 1)
  const [sample] = samples()
  assert.ok((sample?.memory['totalBytes'] ?? 0) > 0)
  assert.equal(sample?.load.length, 3)
  assert.equal(sample?.disks.length, 1)
  assert.deepEqual(sample?.temperatures, [])
})

test('the first record comes after 1 s, then one each interval, all volatile', async (t) => {
  const { bench, options, samples } = await setup(t)
  bench.start(options)
  await bench.pass(900)
  assert.equal(samples().length, 0)
  await bench.until(() => samples().length === 1)
  await bench.pass(9500)
  assert.equal(samples().length, 1)
  await bench.until(() => samples().length === 2)
  assert.ok(bench.appender.chunks.every((chunk) => chunk.volatile === true))
})

test('a reading does not wait for the commit of the one before it', async (t) => {
  const { bench, options, samples } = await setup(t)
  bench.appender.automatic = false
  const source = bench.start(options)
  await bench.until(() => bench.appender.waiting === 1)
  for (const waiting of [2, 3, 4]) {
    await bench.until(() => bench.appender.waiting === waiting, 500)
  }
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => samples().length >= 4, 1)
  assert.deepEqual(source.stats().problems, {})
})

test('once: one record, and the run resolves', async (t) => {
  const { bench, options, samples } = await setup(t)
  const source = bench.create(options, { once: true })
  bench.resume(source)
  await bench.until(() => !bench.running)
  assert.equal(samples().length, 1)
})

import assert from 'node:assert/strict'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAgentConfig } from '../../../agent/config.ts'
import { checkDataDirectory } from '../../../agent/doctor/check-data-directory.ts'
import { statusFindings } from '../../../agent/doctor/check-running-agent.ts'
import { lockHolder } from '../../../agent/doctor/lock-holder.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { statusOf, type Written } from '../top/status-of.ts'
import { fakeMachine } from './fake-machine.ts'

async function check(t: TestContext, dataDir: string, files: Record<string, string> = {}) {
  const flags = [
    { path: ['to'], value: 'http://g', flag: '' },
    { path: ['sources', 'a', 'metrics'], value: '1s', flag: '' },
    { path: ['dataDir'], value: dataDir, flag: '' }
  ]
  const config = await loadAgentConfig({ flags, env: {} })
  const findings = await checkDataDirectory(await fakeMachine(t, files), config)
  return findings.map(({ level, what }) => `${level} ${what}`)
}

test('a directory that is not there yet is well where it can be made', async (t) => {
  const [line] = await check(t, join(await tempDir(t), 'a/b'))
  assert.match(line ?? '', /^OK .*the first run makes it/)
})

test('who holds the lock is read from the kernel, without taking it', async (t) => {
  const dataDir = await tempDir(t)
  await writeFile(join(dataDir, 'lock'), '')
  const { ino } = await stat(join(dataDir, 'lock'))
  const other = '1: POSIX  ADVISORY  WRITE 11 08:01:1 0 EOF\n'
  const locks = `${other}2: POSIX  ADVISORY  WRITE 4242 08:01:${ino} 1073741824 1073742335\n`
  const files = { 'proc/locks': locks, 'proc/4242/cmdline': 'headwater-agent\0run\0' }
  assert.equal(await lockHolder(await fakeMachine(t, files), dataDir), 4242)
  assert.ok(
    (await check(t, dataDir, files)).includes('OK in use by process 4242 (headwater-agent run)')
  )
  assert.equal(await lockHolder(await fakeMachine(t, { 'proc/locks': other }), dataDir), undefined)
})

test('segments are counted, and what is in quarantine is told', async (t) => {
  const dataDir = await tempDir(t)
  await mkdir(join(dataDir, 'segments'))
  await writeFile(join(dataDir, 'segments/drop-oldest-00000001.db'), Buffer.alloc(2048))
  await writeFile(join(dataDir, 'segments/drop-oldest-00000001.db-wal'), Buffer.alloc(1024))
  assert.ok((await check(t, dataDir)).includes('OK 1 segment, 3.0 KiB with their logs'))
  await mkdir(join(dataDir, 'quarantine/1-agent'), { recursive: true })
  assert.match((await check(t, dataDir)).join('\n'), /WARN 1 damaged file salvaged/)
})

test('what a running agent suffers from is told', () => {
  const told = (...written: readonly Written[]) =>
    statusFindings(statusOf(...written))
      .slice(1)
      .map(({ level, what }) => `${level} ${what}`)
      .join('\n')
  assert.equal(told(['connected', 1]), 'OK 0 records wait, the oldest for 0 s')
  assert.match(told(['memory_mode', 1]), /FAIL the disk is unusable/)
  assert.match(told(['unauthorized', 1]), /FAIL the gateway refuses this device/)
  assert.match(
    told(['held_stream', 1, { stream: 's', code: 'forbidden' }]),
    /FAIL the gateway refuses the stream s: forbidden/
  )
  assert.match(told(['backlog_records', 9], ['connected', 0]), /WARN 9 records wait/)
  assert.match(told(['parked_records_total', 2]), /WARN 2 records were refused for good/)
  assert.match(told(['lost_records_total', 3]), /WARN 3 records were lost/)
})

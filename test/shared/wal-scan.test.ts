import assert from 'node:assert/strict'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { rechainWal, scanWal } from '../../shared/wal-scan.ts'
import { Database } from '../../shared/sqlite.ts'
import { tempDir } from '../support/temp-dir.ts'

const pageSize = 1024
const frameBytes = pageSize + 24
const commits = 10

/** A database whose `commits` rows, of a few pages each, lie in its log alone. */
async function logOfRows(t: TestContext) {
  const directory = await tempDir(t)
  const path = join(directory, 'a.db')
  const db = await Database.open(path)
  t.after(() => db.close())
  await db.exec(`PRAGMA page_size = ${pageSize}`)
  await db.get('PRAGMA journal_mode = WAL')
  await db.exec('PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)')
  for (let id = 1; id <= commits; id++) {
    await db.run('INSERT INTO t VALUES (?, ?)', id, Buffer.alloc(3000, id))
  }
  const wal = await readFile(`${path}-wal`)
  /** What SQLite says of the database with this log: rows, or the code of an error. */
  const rowsWith = async (log: Buffer): Promise<number | string> => {
    const copy = join(directory, 'copy.db')
    await copyFile(path, copy)
    await writeFile(`${copy}-wal`, log)
    await writeFile(`${copy}-shm`, '')
    const opened = await Database.open(copy)
    try {
      return (await opened.get('SELECT count(*) AS n FROM t'))?.['n'] as number
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await opened.close()
    }
  }
  return { wal, rowsWith, frames: (wal.length - 32) / frameBytes, db, path }
}

function flipped(wal: Buffer, at: number, bit = 0x10): Buffer {
  const copy = Buffer.from(wal)
  copy.writeUInt8(copy.readUInt8(at) ^ bit, at)
  return copy
}

test('a log that SQLite wrote is sound, and so is one that was cut anywhere', async (t) => {
  const { wal, frames } = await logOfRows(t)
  assert.deepEqual(scanWal(wal), { state: 'sound', validFrames: frames })
  for (let length = 0; length < wal.length; length += 101) {
    assert.equal(scanWal(wal.subarray(0, length)).state, 'sound', `cut to ${length}`)
  }
})

test('a flipped bit is noticed in every byte of the header and of every frame header', async (t) => {
  const { wal, frames } = await logOfRows(t)
  for (let at = 0; at < 32; at++) {
    // The number of the checkpoint is covered by the checksum, too.
    assert.equal(scanWal(flipped(wal, at)).state, 'damaged', `header byte ${at}`)
  }
  for (let frame = 0; frame < frames; frame++) {
    for (let at = 0; at < 24; at++) {
      const scan = scanWal(flipped(wal, 32 + frame * frameBytes + at))
      assert.deepEqual(scan, { state: 'damaged', validFrames: frame }, `frame ${frame} byte ${at}`)
    }
  }
})

test('a flipped bit is noticed anywhere in a page', async (t) => {
  const { wal, frames } = await logOfRows(t)
  for (let frame = 0; frame < frames; frame++) {
    for (let at = 24 + (frame % 7); at < frameBytes; at += 97) {
      const scan = scanWal(flipped(wal, 32 + frame * frameBytes + at, 0x01))
      assert.deepEqual(scan, { state: 'damaged', validFrames: frame })
    }
  }
})

test('where SQLite goes back in time without a word, the chained log goes on to the end', async (t) => {
  const { wal, rowsWith, frames } = await logOfRows(t)
  assert.equal(await rowsWith(wal), commits)
  const damaged = flipped(wal, 32 + Math.floor(frames / 3) * frameBytes + 24 + 500)
  const silently = await rowsWith(damaged)
  assert.ok(typeof silently === 'number' && silently < commits / 2, `${silently} rows`)
  const chained = rechainWal(damaged)
  assert.ok(chained)
  assert.equal(scanWal(chained).state, 'sound')
  assert.equal(await rowsWith(chained), commits)
})

test('a log whose header is broken is chained anew from what its frames say', async (t) => {
  const { wal, rowsWith } = await logOfRows(t)
  for (const at of [0, 6, 9, 10, 12, 17, 21, 25]) {
    const chained = rechainWal(flipped(wal, at))
    assert.ok(chained, `header byte ${at}`)
    assert.equal(await rowsWith(chained), commits, `header byte ${at}`)
  }
})

test('frames left from before the log began anew are no damage', async (t) => {
  const { db, path } = await logOfRows(t)
  await db.get('PRAGMA wal_checkpoint(RESTART)')
  await db.run('INSERT INTO t VALUES (100, ?)', Buffer.alloc(100, 1))
  const wal = await readFile(`${path}-wal`)
  const { state, validFrames } = scanWal(wal)
  assert.equal(state, 'sound')
  assert.ok(validFrames < (wal.length - 32) / frameBytes)
})

test('a log with big-endian checksums is understood', async (t) => {
  const { wal, frames, rowsWith } = await logOfRows(t)
  const big = bigEndian(wal)
  assert.deepEqual(scanWal(big), { state: 'sound', validFrames: frames })
  assert.equal(await rowsWith(big), commits)
  assert.equal(scanWal(flipped(big, 32 + 24 + 10)).state, 'damaged')
})

/** The same log as a big-endian machine writes it; computed here a second time, on purpose. */
function bigEndian(wal: Buffer): Buffer {
  const big = Buffer.from(wal)
  let s1 = 0
  let s2 = 0
  const add = (from: number, to: number) => {
    for (let at = from; at < to; at += 8) {
      s1 = (s1 + big.readUInt32BE(at) + s2) % 2 ** 32
      s2 = (s2 + big.readUInt32BE(at + 4) + s1) % 2 ** 32
    }
  }
  const put = (at: number) => {
    big.writeUInt32BE(s1, at)
    big.writeUInt32BE(s2, at + 4)
  }
  big.writeUInt32BE(0x377f0683, 0)
  add(0, 24)
  put(24)
  for (let at = 32; at + frameBytes <= big.length; at += frameBytes) {
    add(at, at + 8)
    add(at + 24, at + frameBytes)
    put(at + 16)
  }
  return big
}

import assert from 'node:assert/strict'
import { chown, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { bufferCommand } from '../../../../agent/commands/buffer.ts'
import { chunkOf, framesOf } from '../../../contract/buffer.ts'
import { FakeTerminal } from '../../../support/fake-terminal.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { never, storage } from '../../buffer/setup.ts'

/** A stopped agent: two records of `a` wait, one of `b` is a dead letter. */
async function setup(t: TestContext, { reason = 'no good' } = {}) {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append({ ...chunkOf('b', 'refused'), urgent: true })
  const [frame] = await framesOf(buffer, 'b')
  await buffer.release(frame?.id ?? '', [{ code: 'invalid', reason }])
  const cursors = [{ source: 'tail', position: Buffer.from('at 7') }]
  await buffer.append({ ...chunkOf('a', '{"n":1.50}', 'two'), cursors, urgent: true })
  await buffer.stop(never)
  const terminal = new FakeTerminal()
  const run = (...args: string[]) =>
    terminal.run([bufferCommand(terminal)], ['buffer', ...args, '--data-dir', directory])
  return { directory, terminal, run, start }
}

const json = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('ls counts what waits and what was refused, and shows cursors on demand', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('ls'), 0, terminal.err)
  assert.match(terminal.out, /\na +1 +2 +\d+ B +20/)
  assert.match(terminal.out, /\nb +invalid +1 +1 .* no good/)
  assert.doesNotMatch(terminal.out, /at 7/)
  assert.equal(await run('ls', '--cursors'), 0)
  assert.match(terminal.out, /tail +at 7/)
})

test('ls --json has the same figures', async (t) => {
  const { terminal, run, directory } = await setup(t)
  assert.equal(await run('ls', '--json', '--cursors'), 0)
  const { streams, deadLetters, cursors, ...rest } = JSON.parse(terminal.out)
  assert.equal(rest.directory, directory)
  assert.deepEqual([streams[0].stream, streams[0].frames, streams[0].records], ['a', 1, 2])
  assert.deepEqual([deadLetters[0].stream, deadLetters[0].code], ['b', 'invalid'])
  assert.deepEqual(cursors, [{ source: 'tail', position: 'at 7' }])
})

test('peek gives records in the form of headwater-stream read, numbers as they were written', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('peek', '--decode'), 0, terminal.err)
  assert.match(terminal.out, /"json":\{"n":1\.50\}/)
  const [one, two] = json(terminal.out) as Record<string, unknown>[]
  assert.deepEqual(
    [one?.['stream'], one?.['seq'], one?.['partitionKey'], two?.['text'], two?.['data']],
    ['a', 1, 'key', 'two', Buffer.from('two').toString('base64')]
  )
})

test('peek --from newest begins at the end, --format raw gives the text alone', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('peek', '--from', 'newest', '--format', 'raw', '--limit', '1'), 0)
  assert.equal(terminal.out, 'two\n')
})

test('export asks whose records they are instead of guessing', async (t) => {
  const { directory, terminal, run } = await setup(t)
  const stick = join(directory, 'stick')
  await mkdir(stick)
  assert.equal(await run('export', '--to', stick), 2)
  assert.match(terminal.err, /--config FILE or --device ID/)
  const config = join(directory, 'agent.yaml')
  await writeFile(config, 'device: van-7\n')
  assert.equal(await run('export', '--to', stick, '--config', config), 0, terminal.err)
  assert.match(terminal.out, /2 records of 1 stream \(a\) of device van-7/)
  assert.match((await readdir(stick)).join(), /^van-7-\d{8}T\d{6}Z-[0-9a-f]{8}\.001\.hwx$/)
})

test('a released stream waits no more, and a part of one cannot be released', async (t) => {
  const { directory, terminal, run } = await setup(t)
  const to = ['--to', join(directory, 'carried'), '--device', 'van-7', '--and-release']
  assert.equal(await run('export', ...to, '--until', '2026-01-01'), 2)
  assert.match(terminal.err, /leave out --until/)
  assert.equal(await run('export', ...to), 0, terminal.err)
  assert.equal(await run('ls'), 0)
  assert.match(terminal.out, /Nothing waits/)
})

test('dlq show tells the reason and the records, drop takes what it is told to take', async (t) => {
  const { terminal, run } = await setup(t)
  assert.equal(await run('dlq', 'show'), 0)
  assert.match(
    terminal.out,
    /^#1 {2}b {2}1 record {2}invalid[^\n]*\n {4}no good\n {4}\{.*"text":"refused"/
  )
  assert.equal(await run('dlq', 'drop'), 2)
  assert.match(terminal.err, /--all/)
  assert.equal(await run('dlq', 'drop', '--code', 'invalid'), 0, terminal.err)
  assert.equal(await run('dlq', 'ls'), 0)
  assert.equal(terminal.out, 'No dead letters.\n')
  assert.equal(await run('ls'), 0)
  assert.match(terminal.out, /b +dead_letter_dropped +1/)
})

test('what changes the buffer says to stop the agent while it runs', async (t) => {
  const { directory, terminal, run, start } = await setup(t)
  await start()
  const to = ['--to', join(directory, 'carried'), '--device', 'van-7', '--and-release']
  for (const args of [
    ['dlq', 'replay'],
    ['dlq', 'drop', '--all'],
    ['export', ...to]
  ]) {
    assert.equal(await run(...args), 1)
    assert.match(terminal.err, /the agent runs.*stop it first/)
  }
  assert.equal(await run('dlq', 'ls'), 0)
})

test('what root makes in the buffer of another user belongs to that user', async (t) => {
  if (userInfo().uid !== 0) return
  const { directory, terminal, run } = await setup(t)
  await chown(directory, 1234, 1234)
  assert.equal(await run('dlq', 'replay'), 0, terminal.err)
  for (const name of await readdir(directory, { recursive: true })) {
    assert.equal((await stat(join(directory, name))).uid, 1234, name)
  }
})

test('what root gives back to the user of the agent is nothing that links lead to', async (t) => {
  if (userInfo().uid !== 0) return
  const { directory, terminal, run } = await setup(t)
  const elsewhere = await tempDir(t)
  const secret = join(elsewhere, 'secret')
  await writeFile(secret, '')
  await chown(directory, 1234, 1234)
  await symlink(secret, join(directory, 'file'))
  await symlink(elsewhere, join(directory, 'folder'))
  assert.equal(await run('dlq', 'replay'), 0, terminal.err)
  assert.equal((await stat(secret)).uid, 0)
})

test('nothing is said to be released, replayed or dropped where nothing can be written', async (t) => {
  const { directory, terminal, run } = await setup(t)
  // As a disk that turned read-only: the lock cannot be taken.
  await rm(join(directory, 'lock'), { force: true })
  await symlink(join(directory, 'gone', 'lock'), join(directory, 'lock'))
  const to = join(await tempDir(t), 'carried')
  for (const args of [
    ['dlq', 'replay'],
    ['dlq', 'drop', '--all'],
    ['export', '--to', to, '--device', 'van-7', '--and-release']
  ]) {
    assert.equal(await run(...args), 1, terminal.out)
    assert.match(terminal.err, /cannot be written, so nothing was changed/)
  }
  await assert.rejects(stat(`${to}.001.hwx`))
})

test('a path that holds no buffer, and a file that cannot be read, are told without a trace', async (t) => {
  const { directory, terminal } = await setup(t)
  const file = join(directory, 'agent.db')
  const buffer = (...args: string[]) => terminal.run([bufferCommand(terminal)], ['buffer', ...args])
  assert.equal(await buffer('ls', '--data-dir', file), 2)
  assert.match(terminal.err, /agent\.db cannot be read \(ENOTDIR\): give another --data-dir/)
  const to = ['--to', 'http://127.0.0.1:1']
  assert.equal(await buffer('replay', '/dev/null', ...to), 2)
  assert.match(terminal.err, /\/dev\/null is no file/)
  const name = join(directory, 'carried')
  await buffer('export', '--data-dir', directory, '--device', 'd', '--to', name)
  assert.equal(await buffer('replay', `${name}.001.hwx`, ...to, '--ca', join(name, 'ca.pem')), 2)
  assert.match(terminal.err, /^--ca: .*ca\.pem cannot be read/)
})

test('the reason of a gateway does not command the terminal', async (t) => {
  const { terminal, run } = await setup(t, { reason: 'no \u001b[2J good' })
  for (const args of [['ls'], ['dlq', 'ls'], ['dlq', 'show']]) {
    assert.equal(await run(...args), 0)
    assert.match(terminal.out, /no \\u001b\[2J good/)
    assert.ok(!terminal.out.includes('\u001b'))
  }
})

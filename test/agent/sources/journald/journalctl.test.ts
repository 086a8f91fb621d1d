import assert from 'node:assert/strict'
import { test } from 'node:test'
import { journalctl } from '../../../../agent/sources/journald/journalctl.ts'
import { journaldOptions } from '../../../../agent/sources/journald/journald-options.ts'

const optionsOf = (written: object) => journaldOptions.parse({ journald: true, ...written })

test('entries are given in full, from the cursor on, of this machine alone', () => {
  assert.deepEqual(journalctl(optionsOf({}), 'following', { cursor: 's=1;i=2' }), [
    'journalctl',
    '--no-pager',
    '--output=json',
    '--all',
    '--follow',
    '--no-tail',
    '--cursor=s=1;i=2',
    '--'
  ])
})

test('files from elsewhere are followed whatever boot they are of', () => {
  const argv = journalctl(optionsOf({ directory: '/srv/journal' }), 'following')
  assert.ok(argv.includes('--merge'))
  assert.ok(argv.includes('--directory=/srv/journal'))
})

test('the time of the sender is asked for with whatever fields are chosen', () => {
  const argv = journalctl(optionsOf({ fields: ['MESSAGE'] }), 'present', { sinceMs: 1500 })
  assert.ok(argv.includes('--output-fields=MESSAGE,_SOURCE_REALTIME_TIMESTAMP'))
  assert.ok(argv.includes('--since=@1.500'))
})

test('what a person writes cannot become another option', () => {
  for (const matches of [['--vacuum-size=1'], ['no match'], ['a=b']]) {
    assert.equal(journaldOptions.safeParse({ journald: true, matches }).success, false)
  }
  const units = ['--vacuum-size=1']
  assert.ok(journalctl(optionsOf({ units }), 'present').includes('--unit=--vacuum-size=1'))
})

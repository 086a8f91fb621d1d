import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openToken, sealToken } from '../../../../../gateway/engines/embedded/wire/next-token.ts'
import { WireError } from '../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'

function isType(type: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof WireError && thrown.type === type
}

test('a token gives back what was sealed, for 300 seconds', async () => {
  const clock = new ManualClock()
  const token = sealToken('shards', ['s', 'ü/+ "'], clock)
  await clock.advance(300_000)
  assert.deepEqual(openToken('shards', token, clock), ['s', 'ü/+ "'])
  await clock.advance(1)
  assert.throws(() => openToken('shards', token, clock), isType('ExpiredNextTokenException'))
})

test('a token of another list, and what is no token, is an invalid argument', () => {
  const clock = new ManualClock()
  const other = sealToken('streams', ['s'], clock)
  const texts = [other, '', 'x', 'bnVsbA', Buffer.from('{}').toString('base64url')]
  for (const text of texts) {
    assert.throws(() => openToken('shards', text, clock), isType('InvalidArgumentException'))
  }
})

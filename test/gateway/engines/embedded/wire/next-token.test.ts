import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NextTokens } from '../../../../../gateway/engines/embedded/wire/next-token.ts'
import { WireError } from '../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { systemRandom } from '../../../../../shared/random.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'

function isType(type: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof WireError && thrown.type === type
}

function setup() {
  const clock = new ManualClock()
  const context = { clock, random: systemRandom }
  return { clock, context, tokens: new NextTokens('shards', context) }
}

test('a token gives back what was sealed, for 300 seconds', async () => {
  const { clock, tokens } = setup()
  const token = tokens.seal(['s', 'ü/+ "'])
  await clock.advance(300_000)
  assert.deepEqual(tokens.open(token), ['s', 'ü/+ "'])
  await clock.advance(1)
  assert.throws(() => tokens.open(token), isType('ExpiredNextTokenException'))
})

test('the wall clock makes tokens neither older nor younger', async () => {
  const { clock, tokens } = setup()
  const token = tokens.seal(['s'])
  clock.jumpWall(clock.wallMs() + 86_400_000)
  assert.deepEqual(tokens.open(token), ['s'])
  clock.jumpWall(clock.wallMs() - 2 * 86_400_000)
  await clock.advance(300_001)
  assert.throws(() => tokens.open(token), isType('ExpiredNextTokenException'))
})

test('a token of an earlier life has expired', () => {
  const { context, tokens } = setup()
  const earlier = new NextTokens('shards', context).seal(['s'])
  assert.throws(() => tokens.open(earlier), isType('ExpiredNextTokenException'))
})

test('a token of another list, and what is no token, is an invalid argument', () => {
  const { context, tokens } = setup()
  const other = new NextTokens('streams', context).seal(['s'])
  const texts = [other, '', 'x', 'bnVsbA', Buffer.from('{}').toString('base64url')]
  for (const text of texts) {
    assert.throws(() => tokens.open(text), isType('InvalidArgumentException'))
  }
})

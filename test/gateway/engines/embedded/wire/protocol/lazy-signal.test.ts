import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LazySignal } from '../../../../../../gateway/engines/embedded/wire/protocol/lazy-signal.ts'

test('a signal aborts once it is told to, whether it was asked for before or after', () => {
  const lazy = new LazySignal()
  const { signal } = lazy
  assert.deepEqual([lazy.aborted, signal.aborted], [false, false])
  lazy.abort()
  assert.deepEqual([lazy.aborted, signal.aborted], [true, true])
  assert.equal(lazy.signal, signal)
  const late = new LazySignal()
  late.abort()
  assert.ok(late.signal.aborted)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConnectionTimes, overdue } from '../../../../gateway/fronts/mqtt/keepalive.ts'

const fresh: ConnectionTimes = {
  acceptedMs: 1000,
  heardMs: 1000,
  pausedSinceMs: undefined,
  closedMs: undefined,
  keepaliveSeconds: 60
}

/** The first moment, in ms after 1000, at which something is overdue. */
function dueAfter(times: Partial<ConnectionTimes>): [number, string] | undefined {
  for (let ms = 0; ms <= 200_000; ms += 500) {
    const late = overdue({ ...fresh, ...times }, 1000 + ms, { connectTimeoutMs: 10_000 })
    if (late) return [ms, late]
  }
  return undefined
}

test('each clock of a connection ends it at its own time', () => {
  assert.deepEqual(dueAfter({}), [90_000, 'keepalive'])
  assert.deepEqual(dueAfter({ keepaliveSeconds: 1 }), [1500, 'keepalive'])
  assert.equal(dueAfter({ keepaliveSeconds: 0 }), undefined)
  assert.deepEqual(dueAfter({ keepaliveSeconds: undefined }), [10_000, 'connect_timeout'])
  assert.deepEqual(dueAfter({ pausedSinceMs: 1000 }), [45_000, 'stalled'])
  assert.deepEqual(dueAfter({ pausedSinceMs: 1000, keepaliveSeconds: 0 }), [60_000, 'stalled'])
  assert.deepEqual(dueAfter({ closedMs: 1000 }), [5000, 'gone'])
})

test('silence does not count while a client is not read', () => {
  assert.equal(
    overdue({ ...fresh, heardMs: 0, pausedSinceMs: 90_000 }, 100_000, { connectTimeoutMs: 1 }),
    undefined
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlPlane } from './control-plane.ts'

const hourMs = 3_600_000

test('the commitment lasts at least 24 hours from when it was switched on', async (t) => {
  const { call, clock } = await controlPlane(t)
  const settings = async () => {
    const { MinimumThroughputBillingCommitment } = await call('DescribeAccountSettings')
    return MinimumThroughputBillingCommitment
  }
  const update = (Status: string) =>
    call('UpdateAccountSettings', { MinimumThroughputBillingCommitment: { Status } })
  const started = clock.wallMs()
  const EarliestAllowedEndAt = new Date(started + 24 * hourMs)
  const StartedAt = new Date(started)
  assert.deepEqual(await settings(), { Status: 'DISABLED' })
  await update('ENABLED')
  await clock.advance(hourMs)
  await update('ENABLED')
  const running = { StartedAt, EndedAt: undefined, EarliestAllowedEndAt }
  assert.deepEqual(await settings(), { Status: 'ENABLED', ...running })
  await update('DISABLED')
  assert.deepEqual(await settings(), {
    Status: 'ENABLED_UNTIL_EARLIEST_ALLOWED_END',
    ...running
  })
  await clock.advance(23 * hourMs)
  assert.deepEqual(await settings(), {
    Status: 'DISABLED',
    StartedAt,
    EndedAt: EarliestAllowedEndAt,
    EarliestAllowedEndAt
  })
})

test('a commitment that was to end goes on when it is switched on again', async (t) => {
  const { call, clock } = await controlPlane(t)
  const update = (Status: string) =>
    call('UpdateAccountSettings', { MinimumThroughputBillingCommitment: { Status } })
  await update('ENABLED')
  const started = new Date(clock.wallMs())
  await update('DISABLED')
  await clock.advance(hourMs)
  const { MinimumThroughputBillingCommitment: after } = await update('ENABLED')
  assert.deepEqual(after, {
    Status: 'ENABLED',
    StartedAt: started,
    EndedAt: undefined,
    EarliestAllowedEndAt: new Date(started.getTime() + 24 * hourMs)
  })
})

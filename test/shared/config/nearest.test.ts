import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../../shared/config/nearest.ts'

test('the nearest key is found over swaps, slips and case, and none where nothing is near', () => {
  const keys = ['commitAge', 'compression', 'cap', 'freeDiskFloor']
  assert.equal(nearest('commitage', keys), 'commitAge')
  assert.equal(nearest('comitAge', keys), 'commitAge')
  assert.equal(nearest('cpa', keys), 'cap')
  assert.equal(nearest('freeDiskFlor', keys), 'freeDiskFloor')
  assert.equal(nearest('retention', keys), undefined)
  assert.equal(nearest('', []), undefined)
})

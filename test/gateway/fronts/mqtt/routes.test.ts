import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Route, Routes } from '../../../../gateway/fronts/mqtt/routes.ts'

const find = (topic: string, ...routes: Route[]) => new Routes(routes).find(topic, 'pi-4')

for (const [topic, stream, key] of [
  ['streams/telemetry/engine', 'telemetry', 'engine'],
  ['streams/telemetry/a/b/c', 'telemetry', 'a/b/c'],
  ['streams/telemetry', 'telemetry', undefined],
  ['streams/telemetry/', 'telemetry', undefined],
  ['streams/__proto__/constructor', '__proto__', 'constructor']
] as const) {
  test(`${topic} goes to ${stream} with the key ${key ?? 'of the device'}`, () => {
    assert.deepEqual(find(topic), { stream, key })
  })
}

for (const [filter, topic, key, expected] of [
  ['sensors/+/temp', 'sensors/hall/temp', '{1}', 'hall'],
  ['sensors/+/temp', 'sensors/hall/temp/x', '{1}', 'no match'],
  ['sensors/+/temp', 'sensors/hall', '{1}', 'no match'],
  ['sensors/+', 'sensors/', '{1}', undefined],
  ['sensors/#', 'sensors', '{1}', undefined],
  ['sensors/#', 'sensors/a/b', '{1}', 'a/b'],
  ['+/+/#', 'a/b/c/d', '{3}:{2}:{1}:{device}', 'c/d:b:a:pi-4'],
  ['#', 'anything/at/all', 'same', 'same'],
  ['a/b', 'a/b', undefined, undefined],
  ['a/b', 'a/B', undefined, 'no match'],
  ['+', '{device}', '{1}', '{device}']
] as const) {
  test(`filter ${filter} with key ${key} gives ${topic} ${expected ?? 'the key of the device'}`, () => {
    const route = { topic: filter, stream: 'telemetry', ...(key ? { key } : {}) }
    const found = find(topic, route)
    if (expected === 'no match') assert.equal(found, undefined)
    else assert.deepEqual(found, { stream: 'telemetry', key: expected })
  })
}

test('the first route that matches is taken, a configured one before the default', () => {
  const routes = [
    { topic: 'streams/special/+', stream: 'first' },
    { topic: 'streams/#', stream: 'second' }
  ]
  assert.equal(find('streams/special/x', ...routes)?.stream, 'first')
  assert.equal(find('streams/other/x', ...routes)?.stream, 'second')
  assert.equal(find('elsewhere', ...routes), undefined)
})

for (const [route, problem] of [
  [{ topic: '', stream: 's' }, /must have a topic/],
  [{ topic: 'a/#/b', stream: 's' }, /# only at its end/],
  [{ topic: 'a/b+', stream: 's' }, /whole level/],
  [{ topic: 'a#', stream: 's' }, /whole level/],
  [{ topic: 'a/+', stream: 'not a name' }, /stream/],
  [{ topic: 'a/+', stream: 's', key: '{1}-{2}' }, /asks for \{2\}/]
] as const) {
  test(`a route with topic "${route.topic}" and stream "${route.stream}" is refused: ${problem.source}`, () => {
    assert.throws(() => new Routes([route]), { code: 'config', message: problem })
  })
}

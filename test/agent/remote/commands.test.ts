import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allKinds } from '../../../agent/kinds.ts'
import { commandOptions, requireNoCommands } from '../../../agent/remote/commands.ts'
import type { SourceConfig } from '../../../agent/source-config.ts'

const sources = (kind: string, options: object) => {
  const x: SourceConfig = { kind, options, priority: 'normal', transforms: [] }
  return { sources: { x } }
}
const none = { sources: {} }

test('a source that runs a program is refused, unless the device has the very same', () => {
  for (const [kind, options] of [
    ['exec', { exec: ['id'] }],
    ['gpio', { command: '/tmp/gpiomon' }],
    ['sensors', { vcgencmd: './vcgencmd' }]
  ] as const) {
    assert.throws(() => requireNoCommands(sources(kind, options), none), /sources\.x\.\w+: runs/)
    requireNoCommands(sources(kind, options), sources(kind, options))
    const other = sources(kind, { ...options, every: 1 })
    assert.throws(() => requireNoCommands(other, sources(kind, options)), /runs a command/)
  }
})

test('sources that run only what they always run are none of that', () => {
  requireNoCommands(sources('tail', { tail: '/x' }), none)
  requireNoCommands(sources('gpio', { command: 'gpiomon' }), none)
  requireNoCommands(sources('sensors', { vcgencmd: 'vcgencmd' }), none)
})

const names = /command|cmd|program|binary|^exec$/i
const words = /\b(command|program|executable)\b/i

test('every option that is named or described as a command or program is in the table', async () => {
  const { sources: types } = await allKinds()
  const described = [...types.values()].flatMap(({ key, options }) =>
    Object.entries(options.shape)
      .filter(([option, field]) => names.test(option) || words.test(`${field.description}`))
      .map(([option]) => `${key}.${option}`)
  )
  const known = Object.entries(commandOptions).flatMap(([kind, options]) =>
    Object.keys(options).map((option) => `${kind}.${option}`)
  )
  assert.deepEqual(
    described.filter((one) => !known.includes(one)),
    []
  )
  assert.ok(described.length > 0)
})

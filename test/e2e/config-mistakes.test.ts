import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Program } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

/** Lines of a configuration, each with what is to be said of it. */
const mistakes: readonly (readonly [line: string, said?: RegExp])[] = [
  ['devise: pi-kitchen', /devise: unknown key; did you mean "device"\?/],
  ['to: gateway.example:8080', /to: must be a URL of http, .* as in http:/],
  ['sources:'],
  ['  board: { sensors: often }', /board\.sensors: "often" is not a duration: .* as in "60s"/],
  ['  log: { tail: /var/log/*.log, frm: start }', /log\.frm: unknown key; did you mean "from"\?/],
  ['  host: { metrix: 60s }', /sources\.host: .* did you mean "metrics" by "metrix"\?/],
  ['  position:'],
  ['    gps: usb', /position\.gps: "usb" is no receiver: write gpsd, /],
  ['    baud: -1', /position\.baud: must be from 50 to 4000000/],
  ["    transforms: [{ filter: 'speed >' }]", /transforms\[0\]\.filter: .* in "speed >"/],
  ['streams:'],
  ['  positions: { order: newest_first }', /order: must be oldest-first or newest-first/],
  ['buffer: { cap: 200 elephants }', /buffer\.cap: must be auto, a share .* "256 MiB"/],
  ['sender: { window: { frames: 100 } }', /sender\.window\.frames: must be from 1 to 64/],
  ['log: { level: loud }', /log\.level: must be debug or info or warn/]
]

test('a configuration with many mistakes: check names each with its line and what to write', async (t) => {
  const scenario = await Scenario.create(t)
  const file = await scenario.file('agent.yaml', mistakes.map(([line]) => `${line}\n`).join(''))
  const program = new Program(t, 'agent', { args: ['check', '--config', file] })
  program.start()
  assert.equal(await program.exit(), 2)
  const said = program.output.trim().split('\n')
  const wanted = mistakes.flatMap(([, what], i) => (what ? [{ line: i + 1, what }] : []))
  assert.equal(said.length, wanted.length, program.output)
  for (const [i, { line, what }] of wanted.entries()) {
    assert.ok(said[i]?.startsWith(`${file}:${line}:`), said[i])
    assert.match(said[i] ?? '', what)
  }
})

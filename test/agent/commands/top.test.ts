import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { topCommand } from '../../../agent/commands/top.ts'
import type { AgentStatus } from '../../../agent/control/agent-status.ts'
import { ControlServer } from '../../../agent/control/control-server.ts'
import { Taps } from '../../../agent/control/taps.ts'
import { closePage } from '../../../agent/top/frame.ts'
import type { Screen } from '../../../shared/command-line.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { FakeTerminal } from '../../support/fake-terminal.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { statusOf } from '../top/status-of.ts'

class FakeScreen implements Screen {
  drawn = ''
  columns = 60
  #listener: ((key: string) => void) | undefined

  size() {
    return { columns: this.columns, rows: 20 }
  }

  write(text: string): void {
    this.drawn += text
  }

  onKey(listener: (key: string) => void): () => void {
    this.#listener = listener
    return () => (this.#listener = undefined)
  }

  get isListening(): boolean {
    return this.#listener !== undefined
  }

  press(key: string): void {
    this.#listener?.(key)
  }

  async shows(text: string | RegExp): Promise<void> {
    while (!this.drawn.match(text)) await settle(1)
    this.drawn = ''
  }
}

async function setup(t: TestContext) {
  const dataDir = await tempDir(t)
  const clock = new ManualClock()
  let records = 0
  const status = (): AgentStatus => {
    records += 10
    return statusOf(['source_records_total', records, { source: 'app' }])
  }
  const log = pino({ level: 'silent' })
  const server = new ControlServer({ dataDir, status, taps: new Taps(), clock, log })
  cleanUp(t, () => server.stop())
  await server.start()
  const screen = new FakeScreen()
  const terminal: FakeTerminal & { screen?: Screen } = new FakeTerminal()
  const top = (...args: string[]) =>
    terminal.run([topCommand(terminal, clock)], ['top', '--data-dir', dataDir, ...args])
  /** Lets the two looks of a printed overview pass. */
  const later = async (running: Promise<number>) => {
    let isDone = false
    void running.finally(() => (isDone = true))
    while (!isDone) await (clock.sleeping > 0 ? clock.advance(1000) : settle(1))
    return running
  }
  return { clock, server, screen, terminal, top, later }
}

test('without a screen it is printed once, with rates of one interval', async (t) => {
  const { terminal, top, later } = await setup(t)
  assert.equal(await later(top()), 0, terminal.err)
  assert.match(terminal.out, /^pi -> http:\/\/g\n/)
  assert.match(terminal.out, /\napp +10 +- +20 +0/)
  assert.ok(!terminal.out.includes('\u001b'))
})

test('JSON is printed once, also on a screen', async (t) => {
  const { terminal, screen, top, later } = await setup(t)
  terminal.screen = screen
  assert.equal(await later(top('--json')), 0, terminal.err)
  const { device, sources } = JSON.parse(terminal.out)
  assert.deepEqual([device, sources[0].recordsPerSecond], ['pi', 10])
  assert.equal(screen.drawn, '')
})

test('on a screen it is drawn again each interval until q, and the screen is given back', async (t) => {
  const { clock, terminal, screen, top } = await setup(t)
  terminal.screen = screen
  const running = top('--interval', '2s')
  await screen.shows(/app +- +- +10/)
  await clock.advance(2000)
  await screen.shows(/app +5\.0 +- +20/)
  screen.columns = 30
  await clock.advance(2000)
  await screen.shows(/app +5\.0 +-(?! )/)
  screen.press('q')
  assert.equal(await running, 0)
  assert.ok(screen.drawn.endsWith(closePage))
  assert.equal(screen.isListening, false)
})

test('an agent that goes away while it is watched is told and waited for', async (t) => {
  const { clock, server, terminal, screen, top } = await setup(t)
  terminal.screen = screen
  const running = top()
  await screen.shows('pi')
  await server.stop()
  await clock.advance(1000)
  await screen.shows('no agent runs')
  screen.press('\u0003')
  assert.equal(await running, 0)
})

test('where no agent runs it fails', async (t) => {
  const { server, terminal, top } = await setup(t)
  await server.stop()
  assert.equal(await top(), 1)
  assert.match(terminal.err, /^no agent runs with the data directory/)
})

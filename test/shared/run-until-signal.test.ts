import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import type { Terminal } from '../../shared/command-line.ts'
import type { Component } from '../../shared/component.ts'
import { HangUps } from '../../shared/hang-ups.ts'
import { runUntilSignal } from '../../shared/run-until-signal.ts'
import { ManualClock, settle } from '../support/manual-clock.ts'

interface Knobs {
  readonly start?: (signal: AbortSignal) => Promise<void>
  readonly stop?: (deadline: AbortSignal) => Promise<void>
  readonly reload?: () => Promise<void>
  readonly until?: () => Promise<void>
  /** A signal that comes before the program is made. */
  readonly early?: NodeJS.Signals
}

function setup(_t: TestContext, knobs: Knobs = {}) {
  const events: string[] = []
  const listeners = new Map<string, () => void>()
  const clock = new ManualClock()
  const program: Component = {
    name: 'program',
    start: async (signal) => {
      events.push('start')
      await knobs.start?.(signal)
    },
    stop: async (deadline) => {
      events.push('stop')
      await knobs.stop?.(deadline)
    }
  }
  const log = pino({ level: 'info', errorKey: 'error' }, { write: (line) => void lines.push(line) })
  const lines: string[] = []
  const terminal: Terminal = {
    env: {},
    stdin: () => Readable.from([]),
    print: () => undefined,
    onSignal: (signal, listener) => void listeners.set(signal, listener)
  }
  const hangUps = new HangUps(terminal)
  const signal = (name: string) => listeners.get(name)?.()
  if (knobs.early) signal(knobs.early)
  const done = runUntilSignal(program, {
    clock,
    log,
    drainMs: 10_000,
    probe: async () => undefined,
    reload: knobs.reload ?? (async () => undefined),
    ...(knobs.until ? { until: knobs.until } : {}),
    terminal,
    hangUps
  })
  done.catch(() => undefined)
  return { done, events, lines, clock, signal }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
}

test('a signal stops the program with a deadline that is open', async (t) => {
  let open: boolean | undefined
  const { done, events, signal } = setup(t, {
    stop: async (deadline) => {
      open = !deadline.aborted
    }
  })
  await settle()
  assert.deepEqual(events, ['start'])
  signal('SIGTERM')
  await done
  assert.deepEqual([events, open], [['start', 'stop'], true])
})

test('the deadline ends after ten seconds, and at once with a second signal', async (t) => {
  const slow = setup(t, { stop: aborted })
  await settle()
  slow.signal('SIGINT')
  await slow.clock.advance(9_999)
  let ended = false
  void slow.done.then(() => (ended = true))
  await settle()
  assert.equal(ended, false)
  await slow.clock.advance(1)
  await slow.done

  const hurried = setup(t, { stop: aborted })
  await settle()
  hurried.signal('SIGTERM')
  await settle()
  hurried.signal('SIGINT')
  await hurried.done
})

test('a part that does not heed its deadline keeps the process at most three seconds more', async (t) => {
  const { done, clock, signal } = setup(t, { stop: () => new Promise(() => undefined) })
  await settle()
  signal('SIGTERM')
  await settle()
  signal('SIGTERM')
  await clock.advance(3_000)
  await assert.rejects(done, /not everything stopped in time/)
})

test('a signal during the start aborts it, and what had started is stopped', async (t) => {
  const { done, events, signal } = setup(t, {
    start: async (starting) => {
      await aborted(starting)
      throw new Error('aborted')
    }
  })
  await settle()
  signal('SIGTERM')
  await done
  assert.deepEqual(events, ['start', 'stop'])
})

test('a start that fails stops what had started and rejects with the reason', async (t) => {
  const { done, events } = setup(t, {
    start: async () => {
      throw new Error('no disk')
    }
  })
  await assert.rejects(done, /no disk/)
  assert.deepEqual(events, ['start', 'stop'])
})

test('a start that fails rejects with its reason even when the stop fails too, which is logged', async (t) => {
  const { done, lines } = setup(t, {
    start: () => Promise.reject(new Error('the disk is full')),
    stop: () => Promise.reject(new Error('the disk is still full'))
  })
  await assert.rejects(done, /the disk is full/)
  assert.match(lines.join(''), /the disk is still full/)
})

test('a run that has an end of its own stops there', async (t) => {
  const { done, events } = setup(t, { until: async () => undefined })
  await done
  assert.deepEqual(events, ['start', 'stop'])
})

test('SIGHUP reloads; a bad configuration is logged and the program runs on', async (t) => {
  let good = true
  const { done, events, lines, signal } = setup(t, {
    reload: async () => {
      if (!good) throw new Error('agent.yaml:1:1: wrong')
    }
  })
  await settle()
  signal('SIGHUP')
  await settle()
  good = false
  signal('SIGHUP')
  await settle()
  assert.match(
    lines.join(''),
    /configuration reloaded[^]*agent\.yaml:1:1: wrong[^]*the old configuration stays/
  )
  assert.deepEqual(events, ['start'])
  signal('SIGTERM')
  await done
})

test('a SIGHUP that came before the program was made reloads it once', async (t) => {
  let reloads = 0
  const reload = async () => void (reloads += 1)
  const { done, signal } = setup(t, { early: 'SIGHUP', reload })
  await settle()
  assert.equal(reloads, 1)
  signal('SIGHUP')
  assert.equal(reloads, 2)
  signal('SIGTERM')
  await done
})

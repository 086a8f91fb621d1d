import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentConfig } from '../../../agent/config.ts'
import { type AgentLife, RenewedAgent } from '../../../agent/remote/renewed-agent.ts'
import { FakeAgent } from './fake-agent.ts'

const config = (overflow: string, level = 'info') =>
  ({ streams: { s: { overflow } }, link: {}, log: { level } }) as unknown as AgentConfig

class FakeLife extends FakeAgent implements AgentLife {
  readonly name = 'agent'
  readonly made: AgentConfig
  readonly calls: string[] = []
  end = () => {}
  fail = (_error: Error) => {}
  #refuses: boolean

  constructor(made: AgentConfig, refuses: boolean) {
    super()
    this.made = made
    this.#refuses = refuses
  }

  async start(): Promise<void> {
    this.calls.push('start')
    if (this.#refuses) throw new Error('does not start')
  }

  async stop(): Promise<void> {
    this.calls.push('stop')
    this.end()
  }

  finished(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.end = resolve
      this.fail = reject
    })
  }
}

async function setup() {
  const lives: FakeLife[] = []
  const refusing = { next: false }
  const agent = new RenewedAgent(config('block'), (made) => {
    const life = new FakeLife(made, refusing.next)
    refusing.next = false
    lives.push(life)
    return life
  })
  const { signal } = new AbortController()
  await agent.start(signal)
  return { agent, lives, refusing, signal }
}

test('what the agent can take over it takes over', async () => {
  const { agent, lives } = await setup()
  await agent.reload(config('block', 'debug'))
  assert.deepEqual(
    lives.map(({ calls, reloads }) => [calls, reloads]),
    [[['start'], [config('block', 'debug')]]]
  )
})

test('else it is stopped before another one is made, and only if it may take over the rest', async () => {
  const { agent, lives } = await setup()
  const [first] = lives
  await agent.reload(config('drop-oldest', 'debug'))
  assert.deepEqual(first?.reloads, [config('block', 'debug')])
  assert.deepEqual(
    lives.map(({ calls, made }) => [calls, made]),
    [
      [['start', 'stop'], config('block')],
      [['start'], config('drop-oldest', 'debug')]
    ]
  )
  const [, second] = lives
  assert.ok(second)
  second.refusal = new Error('"buffer" cannot change while the agent runs; restart it')
  await assert.rejects(agent.reload(config('block')), /"buffer" cannot change/)
  assert.equal(lives.length, 2)
})

test('one that does not start can be replaced by one with the configuration before', async () => {
  const { agent, lives, refusing } = await setup()
  refusing.next = true
  await assert.rejects(agent.reload(config('drop-oldest')), /does not start/)
  await agent.reload(config('block'))
  assert.deepEqual(
    lives.map(({ calls }) => calls),
    [['start', 'stop'], ['start', 'stop'], ['start']]
  )
  await agent.stop(AbortSignal.abort())
  assert.deepEqual(lives.at(-1)?.calls, ['start', 'stop'])
})

test('no other is made once it is asked to stop', async () => {
  const { agent, lives } = await setup()
  const reloaded = agent.reload(config('drop-oldest'))
  await agent.stop(AbortSignal.abort())
  await reloaded
  assert.deepEqual(
    lives.map(({ calls }) => calls),
    [['start', 'stop']]
  )
})

test('it has finished when the last of its lives has, and fails as that one fails', async () => {
  const { agent, lives, signal } = await setup()
  let finished = false
  const done = agent.finished(signal).then(() => (finished = true))
  await agent.reload(config('drop-oldest'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(finished, false)
  lives.at(-1)?.end()
  await done
  const failing = agent.finished(signal)
  await agent.reload(config('block'))
  await new Promise((resolve) => setImmediate(resolve))
  lives.at(-1)?.fail(new Error('no input'))
  await assert.rejects(failing, /no input/)
})

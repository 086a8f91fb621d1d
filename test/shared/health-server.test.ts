import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Health, HealthServer } from '../../shared/health-server.ts'

async function setup(t: TestContext, health: Partial<Health> = {}) {
  const server = new HealthServer({
    address: { host: '127.0.0.1', port: 0 },
    flag: '--health',
    health: { notReady: async () => [], metrics: async () => 'up 1\n', ...health }
  })
  await server.start()
  t.after(() => server.stop())
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return { status: response.status, body: await response.text() }
  }
  return { server, get }
}

test('a program that works is alive, ready and measured', async (t) => {
  const { get } = await setup(t)
  assert.deepEqual(await get('/healthz'), { status: 200, body: '{"status":"ok"}\n' })
  assert.deepEqual(await get('/readyz'), { status: 200, body: '{"status":"ready","reasons":[]}\n' })
  assert.deepEqual(await get('/metrics?x=1'), { status: 200, body: 'up 1\n' })
  assert.equal((await get('/metrics', 'HEAD')).status, 200)
})

test('a program that cannot work says why; it is alive all the same', async (t) => {
  const { get } = await setup(t, { notReady: async () => ['the disk is full'] })
  const { status, body } = await get('/readyz')
  assert.deepEqual(
    [status, JSON.parse(body)],
    [503, { status: 'not_ready', reasons: ['the disk is full'] }]
  )
  assert.equal((await get('/healthz')).status, 200)
})

test('other paths, other methods and a broken metric are answered, not dropped', async (t) => {
  const { get } = await setup(t, { metrics: () => Promise.reject(new Error('broken')) })
  assert.equal((await get('/elsewhere')).status, 404)
  assert.equal((await get('/healthz', 'POST')).status, 405)
  const { status, body } = await get('/metrics')
  assert.deepEqual([status, JSON.parse(body)], [500, { code: 'internal', message: 'broken' }])
})

test('a port that is taken is named with the flag that moves it', async (t) => {
  const { server } = await setup(t)
  const second = new HealthServer({
    address: { host: '127.0.0.1', port: server.port },
    flag: '--health',
    health: { notReady: async () => [], metrics: async () => '' }
  })
  await assert.rejects(second.start(), {
    code: 'port_taken',
    message: `127.0.0.1:${server.port} is in use; choose another with --health HOST:PORT, or --health off`
  })
  await second.stop()
})

test('stop before start and stop twice are safe, and a stop ends open connections', async (t) => {
  const { server, get } = await setup(t)
  await get('/healthz')
  await Promise.all([server.stop(), server.stop()])
  await assert.rejects(get('/healthz'))
  const idle = new HealthServer({
    address: { host: '127.0.0.1', port: 0 },
    flag: '--health',
    health: { notReady: async () => [], metrics: async () => '' }
  })
  await idle.stop()
})

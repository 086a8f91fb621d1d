#!/usr/bin/env node
// `npm start`: a gateway with the embedded engine and an agent that reports this machine, with their
// data in ./headwater-data. Starting again goes on where it stopped.
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'
import { ChildProgram } from './child-program.mjs'
import { root } from './program.mjs'

const host = '127.0.0.1'
const data = join(root, 'headwater-data')
const metricsEvery = '10s'
const mostLogs = 50

bootstrap()
build()
mkdirSync(data, { recursive: true })
const ports = {
  http: await freePort(8080),
  mqtt: await freePort(1883),
  kinesis: await freePort(4567),
  health: await freePort(9464)
}
const logs = readableLogs()
const running = []
const asked = new AbortController()
listenToSignals()
try {
  const stopped = once(asked.signal, 'abort')
  await Promise.race([startAll(), stopped])
  if (!asked.signal.aborted) console.log(summary())
  await Promise.race([stopped, ...running.map((program) => program.ended.then(giveUp))])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  // The agent first: it drains into a gateway that still lives.
  for (const program of running.toReversed()) await program.stop()
}
process.exit()

function giveUp(code) {
  throw new Error(`a program ended with ${code}; its log is in ${shown(data)}`)
}

async function startAll() {
  const gateway = launch('gateway', [
    ...['--data-dir', join(data, 'gateway')],
    ...['--http', `${host}:${ports.http}`, '--mqtt', `${host}:${ports.mqtt}`],
    ...['--kinesis', `${host}:${ports.kinesis}`]
  ])
  await gateway.ready(`http://${host}:${ports.http}/readyz`)
  if (asked.signal.aborted) return
  const agent = launch('agent', [
    ...['--data-dir', join(data, 'agent'), '--to', `http://${host}:${ports.http}`],
    ...['--health', `${host}:${ports.health}`, '--metrics', metricsEvery],
    ...logs.flatMap((file) => ['--tail', file])
  ])
  await agent.ready(`http://${host}:${ports.health}/healthz`)
}

function launch(name, flags) {
  const options = { args: ['run', ...flags], logFile: join(data, `${name}.log`) }
  const program = new ChildProgram(name, options)
  running.push(program)
  return program
}

/** Ctrl-C stops; a second one, when it is not just npm telling the first one again, kills. */
function listenToSignals() {
  let firstMs = 0
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (!asked.signal.aborted) {
        console.log('\nstopping ...')
        firstMs = performance.now()
        asked.abort()
      } else if (performance.now() - firstMs > 500) {
        for (const program of running) program.kill()
      }
    })
  }
}

/** The preferred port, or the next one that is free. */
async function freePort(preferred) {
  for (let port = preferred; port < preferred + 100; port++) {
    const server = createServer()
    try {
      server.listen(port, host)
      await once(server, 'listening')
      if (port !== preferred) console.log(`port ${preferred} is in use, taking ${port}`)
      return port
    } catch (error) {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
    } finally {
      server.close()
    }
  }
  throw new Error(`no free port from ${preferred} on`)
}

/** This machine's logs, as far as they may be read. */
function readableLogs() {
  const folder = '/var/log'
  try {
    return readdirSync(folder)
      .filter((name) => /^([\w.-]+\.log|syslog|messages)$/.test(name))
      .map((name) => join(folder, name))
      .filter(isReadable)
      .slice(0, mostLogs)
  } catch {
    return []
  }
}

function isReadable(file) {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

function shown(path) {
  return `./${relative(process.cwd(), path)}`
}

function summary() {
  const http = `http://${host}:${ports.http}`
  const gateway = ports.http === 8080 ? '' : ` --gateway ${http}`
  const mqttPort = ports.mqtt === 1883 ? '' : ` -p ${ports.mqtt}`
  const tailed = logs.length === 0 ? 'no readable log' : `${logs.length} logs of /var/log`
  return `
Headwater is running.

  gateway  ${http} and mqtt://${host}:${ports.mqtt}, stream "telemetry"
  kinesis  http://${host}:${ports.kinesis}, for any AWS SDK
  agent    this machine every ${metricsEvery} and ${tailed}; http://${host}:${ports.health}/metrics
  data     ${shown(data)} (logs: gateway.log, agent.log)

Try in another terminal:

  npx headwater-stream read telemetry --from start --follow --decode${gateway}
  curl -d 'hello over http' ${http}/v1/streams/telemetry/records
  mosquitto_pub${mqttPort} -q 1 -t streams/telemetry/me -m 'hello over mqtt'

Ctrl-C stops both; npm start goes on from there.
`
}

import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Child, freePort, until } from './child.ts'
import { startGateway } from './gateway-batches.ts'
import { type Line, ratio, skipped, thousands } from './report.ts'

/** MQTT QoS 1, 50 connections, 200 bytes, PUBACK after fsync, beside Mosquitto in memory. */
export async function benchMqttSingle(directory: string): Promise<Line[]> {
  const what = 'gateway: MQTT QoS 1 messages/s, fsynced, beside Mosquitto'
  const gateway = await startGateway(join(directory, 'gateway-mqtt'))
  const broker = await startMosquitto(directory)
  const rounds = [1, 2, 3]
  const ours: number[] = []
  const theirs: number[] = []
  for (const _ of rounds) {
    ours.push(await load(gateway.mqttPort))
    if (broker) theirs.push(await load(broker.port))
  }
  await gateway.child.stop()
  await broker?.child.stop()
  const own = median(ours)
  if (!broker) return [skipped(`${what} (${thousands(own)} of ours)`, 'mosquitto is not installed')]
  const other = median(theirs)
  return [{ what, ours: thousands(own), beside: thousands(other), ratio: ratio(own, other) }]
}

async function load(port: number): Promise<number> {
  const args = [port, 50, 4].map(String)
  const { perSecond } = await Child.ours('scripts/bench/mqtt-load.js', args).result<{
    perSecond: number
  }>()
  return perSecond
}

async function startMosquitto(
  directory: string
): Promise<{ child: Child; port: number } | undefined> {
  const command = ['mosquitto', '/usr/sbin/mosquitto'].find((name) => {
    try {
      execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
  if (!command) return undefined
  const port = await freePort()
  const config = join(directory, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
  const child = new Child(command, ['-c', config])
  await until('mosquitto', () => reachable(port))
  return { child, port }
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

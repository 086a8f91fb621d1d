import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from './child.ts'
import { startGateway } from './gateway-batches.ts'
import { type Line, megabytes } from './report.ts'

/** Resident memory of an agent with one source that is quiet, by the way it sends. */
export async function benchAgentIdle(directory: string): Promise<Line[]> {
  const gateway = await startGateway(join(directory, 'gateway-idle'))
  const log = join(directory, 'quiet.log')
  await writeFile(log, 'one line\n')
  const lines: Line[] = []
  for (const [name, to] of [
    ['HTTP', gateway.url],
    ['MQTT', `mqtt://127.0.0.1:${gateway.mqttPort}`]
  ] as const) {
    const agent = Child.ours('agent/main.js', [
      'run',
      ...['--data-dir', join(directory, `agent-${name}`), '--device', 'idle', '--to', to],
      ...['--tail', log, '--metrics', '1s', '--health', 'off']
    ])
    await delay(6000)
    lines.push({
      what: `agent: resident memory with one quiet log and metrics, over ${name}`,
      ours: megabytes(agent.memory().now),
      beside: '',
      ratio: ''
    })
    await agent.stop()
  }
  await gateway.child.stop()
  return lines
}

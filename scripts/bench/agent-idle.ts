import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Child } from './child.ts'
import { startGateway } from './gateway-batches.ts'
import { type Line, megabytes } from './report.ts'

const aimBytes = 64 * 1024 * 1024

/** What the packages are made with; plain JavaScript beside this. */
interface Packaging {
  readonly bundle: (program: string, folder: string) => Promise<void>
  readonly stubsOf: (program: string) => { readonly file: string; readonly text: string }[]
  readonly nodeFlagsOf: (program: string, text: string) => string[]
}

/** Resident memory of an agent with one source that is quiet, by the way it sends. */
export async function benchAgentIdle(directory: string): Promise<Line[]> {
  const gateway = await startGateway(join(directory, 'gateway-idle'))
  const log = join(directory, 'quiet.log')
  await writeFile(log, 'one line\n')
  const mqttUrl = `mqtt://127.0.0.1:${gateway.mqttPort}`
  const common = ['--device', 'idle', '--tail', log, '--health', '127.0.0.1:0']
  const packaged = await packagedAgent(join(directory, 'packaged'))
  const lines: Line[] = []
  for (const [how, to, start] of [
    ['MQTT, as packaged', mqttUrl, packaged],
    ['MQTT, from a checkout', mqttUrl, checkout],
    ['HTTP, from a checkout', gateway.url, checkout]
  ] as const) {
    const dataDir = join(directory, `agent-${how.replace(/\W+/g, '-')}`)
    const agent = start(['run', '--data-dir', dataDir, '--to', to, ...common])
    await delay(8000)
    const bytes = agent.memory().now
    lines.push({
      what: `agent: resident memory idle, one source, over ${how}`,
      ours: megabytes(bytes),
      beside: `aim ${megabytes(aimBytes)}`,
      ratio: (bytes / aimBytes).toFixed(2)
    })
    await agent.stop()
  }
  await gateway.child.stop()
  return lines
}

function checkout(args: readonly string[]): Child {
  return Child.ours('agent/main.js', args)
}

/** The agent as its package has it, with the flags of its launcher. */
async function packagedAgent(folder: string): Promise<(args: readonly string[]) => Child> {
  const load = (file: string) => import(pathToFileURL(resolve('scripts/package', file)).href)
  const { bundle } = (await load('bundle.mjs')) as Packaging
  const { stubsOf, nodeFlagsOf } = (await load('program-tree.mjs')) as Packaging
  await mkdir(folder, { recursive: true })
  await bundle('agent', folder)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  const flags = stubsOf('agent').flatMap(({ text }) => nodeFlagsOf('agent', text))
  // The package brings a Node 20; what only that one knows is left out with others.
  const known = process.versions.node.startsWith('20.')
    ? flags
    : flags.filter((flag) => !flag.startsWith('--interrupt-budget'))
  return (args) =>
    new Child(process.execPath, [...known, join(folder, 'dist/agent/main.js'), ...args])
}

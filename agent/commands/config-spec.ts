import { resolve } from 'node:path'
import { type FlagSpec, setsKey } from '../../shared/config/flags.ts'
import { agentSchema, loadAgentConfig } from '../config.ts'
import { allKinds } from '../kinds.ts'
import { usualConfig } from './agent-place.ts'

/** Each stands for keys of `agent.yaml`. */
const flags: readonly FlagSpec[] = [
  { flag: '--data-dir <dir>', help: 'where the buffer lies', set: setsKey('dataDir') },
  { flag: '--device <id>', help: 'who this is (default: the host)', set: setsKey('device') },
  {
    flag: '--to <url>',
    help: 'gateway: http(s)://… or mqtt(s)://…; again for a second one',
    repeat: true,
    set: setsKey('to')
  },
  {
    flag: '--token-file <file>',
    help: 'file that holds the token of this device',
    set: (file) => [{ path: ['token'], value: { file: resolve(String(file)) } }]
  },
  { flag: '--stream <name>', help: 'stream of the records', set: setsKey('stream') },
  { flag: '--format <cbor|json>', help: 'form of the batches', set: setsKey('format') },
  { flag: '--gzip', help: 'compress batches', set: setsKey('gzip') },
  {
    flag: '--tail <glob>',
    help: 'follow files; again for more',
    repeat: true,
    set: (globs) => [{ path: ['sources', 'tail'], value: { tail: globs } }]
  },
  {
    flag: '--stdin',
    help: 'read lines from standard input',
    set: () => [{ path: ['sources', 'stdin'], value: { stdin: true } }]
  },
  {
    flag: '--metrics [interval]',
    help: 'report this machine (every 60s)',
    set: (interval) => [
      { path: ['sources', 'metrics'], value: { metrics: interval === true ? '60s' : interval } }
    ]
  },
  { flag: '--once', help: 'end when all is read and acked', set: setsKey('once') },
  {
    flag: '--health <host:port>',
    help: 'address of /healthz, /readyz and /metrics, or off',
    set: setsKey('health', 'listen')
  }
]

/** How the agent is configured, for `run`, `check` and `doctor`. */
export const agentConfigSpec = {
  file: 'agent.yaml',
  schema: async () => agentSchema(await allKinds()),
  flags,
  load: loadAgentConfig,
  usualFile: usualConfig
}

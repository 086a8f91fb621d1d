import { version } from 'node:process'
import { type Finding, ok, warn } from './finding.ts'
import { type Machine, textBelow } from './machine.ts'

/** Sockets, segments, and 64 tailed files a source. */
const fewFiles = 1024

/** Node.js is new enough, and the system lets a process open enough files. */
export async function checkProcess(
  machine: Machine,
  process: number | 'self'
): Promise<readonly Finding[]> {
  const limits = await textBelow(machine, `proc/${process}/limits`)
  return [nodeFinding(version), ...filesFinding(limits)]
}

/** `engines` of package.json. */
const oldestNode = [20, 19, 4] as const

export function nodeFinding(text: string): Finding {
  const parts = text.replace(/^v/, '').split('.').map(Number)
  const differs = oldestNode.findIndex((least, i) => parts[i] !== least)
  const isOld = differs >= 0 && (parts[differs] ?? 0) < (oldestNode[differs] ?? 0)
  const what = `Node.js ${text}`
  return isOld ? warn(what, `use ${oldestNode.join('.')} or later`) : ok(what)
}

/** `Max open files            1024                 1048576              files` */
function filesFinding(limits: string): Finding[] {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  if (soft === undefined) return []
  const what = `${soft} open files are allowed`
  const isFew = Number(soft) < fewFiles
  return [
    isFew ? warn(what, `raise it: ulimit -n ${fewFiles}, or LimitNOFILE= of the service`) : ok(what)
  ]
}

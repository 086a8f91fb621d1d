import type { Survey } from './survey.ts'

export interface DraftOptions {
  readonly device: string
  readonly to: string
  /** Absolute: where the agent is started from must not matter to what it finds again. */
  readonly dataDir: string
  /** As the file of the token is written. */
  readonly token: string
  /** Keys of the source types of this agent. */
  readonly kinds: readonly string[]
}

interface Entry {
  /** Key of its source type. */
  readonly kind: string
  /** As it stands below `sources:`. */
  readonly yaml: string
  readonly comment: string
}

/** A configuration for what was found: at most 15 lines, that a person can go on from. */
export function draftOf(
  found: Survey,
  { device, to, dataDir, token, kinds }: DraftOptions
): string {
  const sources = entriesOf(found).filter(({ kind }) => kinds.includes(kind))
  const width = Math.max(...sources.map(({ yaml }) => yaml.length))
  const isRemote = !/\/\/(localhost|127\.0\.0\.1|\[::1\])/.test(to)
  const lines = [
    '# Every other key has a default: headwater-agent check --config shows them.',
    `device: ${quoted(device)}`,
    `to: ${quoted(to)}`,
    ...(isRemote ? [`# token: { file: ${token} }  # headwater-gateway devices add prints it`] : []),
    `dataDir: ${quoted(dataDir)}`,
    'sources:',
    ...sources.map(({ yaml, comment }) => `  ${yaml.padEnd(width)}  # ${comment}`)
  ]
  return `${lines.join('\n')}\n`
}

function entriesOf({ hasJournal, logs, gps, sensors }: Survey): Entry[] {
  const patterns = logs.map(quoted).join(', ')
  const position = `position: { gps: ${quoted(gps ?? '')}, deadband: { distance: 20m, maxInterval: 60s } }`
  return [
    {
      kind: 'metrics',
      yaml: 'host: { metrics: 60s }',
      comment: 'processor, memory, disks, network'
    },
    ...(hasJournal
      ? [
          {
            kind: 'journald',
            yaml: 'journal: { journald: true }',
            comment: 'units: [nginx.service] takes some alone'
          }
        ]
      : []),
    ...(logs.length > 0
      ? [{ kind: 'tail', yaml: `logs: { tail: [${patterns}] }`, comment: 'lines from now on' }]
      : []),
    ...(gps === undefined
      ? []
      : [{ kind: 'gps', yaml: position, comment: 'every 20 m, at least each minute' }]),
    ...(sensors.length > 0
      ? [{ kind: 'sensors', yaml: 'sensors: { sensors: 60s }', comment: sensors.join(', ') }]
      : [])
  ]
}

/** What YAML would take for something else than a text. */
const reserved = /^(true|false|null|yes|no|on|off|y|n)$/i

/** As it is where that is a text, else as JSON, which is YAML; `${` would name a variable. */
function quoted(text: string): string {
  if (/^[a-z/][\w./:*@-]*[\w*]$/i.test(text) && !reserved.test(text)) return text
  return JSON.stringify(text).replaceAll('${', () => '$${')
}

#!/usr/bin/env node
// Makes the reference pages from the code. `--check` only compares, and fails where a page is old.
// `--built <folder>` takes the compiled code from there instead of dist/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { root, stop } from './program.mjs'

const { values } = parseArgs({ options: { check: { type: 'boolean' }, built: { type: 'string' } } })
const built = resolve(values.built ?? join(root, 'dist'))
const reference = join(root, 'docs/reference')

const pages = await render()
if (values.check) check(pages)
else write(pages)

function write(pages) {
  mkdirSync(reference, { recursive: true })
  for (const [name, text] of pages) writeFileSync(join(reference, name), text)
}

function check(pages) {
  const old = pages.filter(([name, text]) => current(name) !== text).map(([name]) => name)
  if (old.length === 0) return
  stop(`docs/reference: ${old.join(', ')} differ from the code; run node scripts/docs.mjs`)
}

function current(name) {
  try {
    return readFileSync(join(reference, name), 'utf8')
  } catch {
    return undefined
  }
}

async function render() {
  const load = (path) => import(pathToFileURL(join(built, path)).href)
  const { errorKinds } = await load('shared/errors.js')
  const { configJsonSchema } = await load('shared/config/json-schema.js')
  const { agentSchema } = await load('agent/config.js')
  const { agentMetrics } = await load('agent/metrics.js')
  const { allKinds } = await load('agent/kinds.js')
  const { sourceSchema } = await load('agent/source-config.js')
  const { gatewaySchema } = await load('gateway/config.js')
  const { gatewayMetrics } = await load('gateway/metrics.js')

  const kinds = await allKinds()
  const agent = configJsonSchema(agentSchema(kinds), 'agent.yaml')
  const gateway = configJsonSchema(gatewaySchema, 'gateway.yaml')
  const sources = [...kinds.sources.values()].map((type) => ({
    key: type.key,
    summary: type.summary,
    schema: configJsonSchema(sourceSchema(type, kinds.transforms), type.key)
  }))
  const transforms = Object.entries(agent.definitions.transforms.items.properties).map(
    ([key, value]) => ({
      key,
      summary: value.description,
      schema: { properties: { [key]: value }, required: [key] }
    })
  )
  return [
    ['errors.md', errorsPage(errorKinds)],
    ['metrics.md', metricsPage({ agent: agentMetrics, gateway: gatewayMetrics })],
    ['agent-config.md', agentPage(agent, { sources, transforms })],
    ['gateway-config.md', configPage('gateway', gateway)],
    ['agent.schema.json', `${JSON.stringify(agent, null, 2)}\n`],
    ['gateway.schema.json', `${JSON.stringify(gateway, null, 2)}\n`]
  ]
}

function errorsPage(kinds) {
  const rows = Object.entries(kinds).map(([code, { status, ack, retryable, meaning }]) => [
    `\`${code}\``,
    String(status),
    `\`${ack}\``,
    retryable ? 'yes' : 'no',
    meaning
  ])
  return page(
    'Error codes',
    'Every error has one of these codes: in the body of an HTTP answer (`{ "code", "message" }`), in the log, and in short form in an Ack. The message names what is at fault.',
    table(['code', 'HTTP', 'Ack', 'may succeed later', 'meaning'], rows)
  )
}

function metricsPage(programs) {
  const parts = Object.entries(programs).map(([program, specs]) => {
    const rows = specs.map(({ name, type, labels = [], help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help
    ])
    return `## ${capital(program)}\n\n${table(['metric', 'type', 'labels', 'meaning'], rows)}`
  })
  const text =
    'Served in Prometheus text form at `/metrics`: by the agent on its health address, by the gateway on its HTTP front. Units are seconds and bytes; counters count from the start of the program, except the loss ledger, which is kept.'
  return page('Metrics', text, parts.join('\n'))
}

function configPage(program, schema) {
  const text = `Every key of \`${program}.yaml\`. Any value may be \`\${ENV}\` (\`$\${\` for the characters themselves; in quotes between \`{ }\` and \`[ ]\`) or \`{ file: path }\`, relative to the file. \`headwater-${program} check\` prints what is in force; [${program}.schema.json](${program}.schema.json) is for editors.`
  return page(`Configuration of the ${program}`, text, keysTable(schema))
}

function agentPage(schema, { sources, transforms }) {
  return [
    configPage('agent', schema),
    formsPart('Sources', 'Each entry of `sources:` has one of these forms.', sources),
    formsPart('Transforms', 'Each entry of `transforms:` has one of these forms.', transforms)
  ].join('')
}

function formsPart(title, text, forms) {
  const parts = forms.map(
    ({ key, summary, schema }) => `### ${key}\n\n${summary}\n\n${keysTable(schema)}`
  )
  return `\n## ${title}\n\n${text}\n\n${parts.join('\n')}`
}

function keysTable(schema) {
  return table(['key', 'value', 'default', 'meaning'], keysOf(schema, ''))
}

/** One row a key, depth first; `<name>` stands for a name of the operator's choice. */
function keysOf(schema, prefix) {
  const rows = []
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${key}`
    const inner = innerOf(value, path)
    const isGroup = inner.length > 0 && value.properties !== undefined
    if (!isGroup || value.description) rows.push(row(path, value, schema.required ?? []))
    rows.push(...inner)
  }
  return rows
}

function innerOf(value, path) {
  if (value.title) return []
  if (value.anyOf) return value.anyOf.flatMap((one) => innerOf(one, path))
  if (value.properties) return keysOf(value, `${path}.`)
  const entry = typeof value.additionalProperties === 'object' ? value.additionalProperties : {}
  if (entry.properties && !entry.anyOf) return keysOf(entry, `${path}.<name>.`)
  if (value.items?.properties) return keysOf(value.items, `${path}[].`)
  return []
}

function row(path, value, required) {
  const key = path.split(/[.\]]/).at(-1) ?? path
  const preset = value.default
  const isEmpty = preset === undefined || JSON.stringify(preset) === '{}'
  const shown = typeof preset === 'string' ? preset : JSON.stringify(preset)
  const without = required.includes(key) ? 'required' : ''
  return [`\`${path}\``, formOf(value), isEmpty ? without : `\`${shown}\``, value.description ?? '']
}

function formOf(value) {
  if (value.title) return value.title
  if (value.const !== undefined) return `\`${value.const}\``
  if (value.enum) return value.enum.map((one) => `\`${one}\``).join(' ')
  if (value.anyOf) return value.anyOf.map(formOf).join(' or ')
  if (value.type === 'number') return 'number'
  if (value.type === 'array') return `list of ${formOf(value.items ?? {})}`
  return value.type === 'object' ? 'map' : 'text'
}

function page(title, text, body) {
  return `<!-- Made from the code by scripts/docs.mjs; do not edit. -->\n\n# ${title}\n\n${text}\n\n${body}`
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return [line(head), `|${'---|'.repeat(head.length)}\n`, ...rows.map(line)].join('')
}

function capital(word) {
  return `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`
}

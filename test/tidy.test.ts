import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Where the compiled code stands, and the repository above it. */
const built = dirname(dirname(fileURLToPath(import.meta.url)))
const root = repositoryAbove(built)

/**
 * The rooms of the house and what each may import besides itself: rooms, or single files of them. A
 * stage sees its neighbour through the file of its contract; `agent/*` and `gateway/*`, the files
 * directly in the program's folder, put the parts together and may see all.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  'agent/main.ts': ['agent/commands', 'shared'],
  'agent/commands': [
    'agent/*',
    'agent/commands/buffer',
    'agent/clock',
    'agent/control',
    'agent/remote/remote.ts',
    'agent/doctor',
    'agent/fixtures',
    'agent/init',
    'agent/sources',
    'agent/top',
    'agent/transforms/transforms-field.ts',
    'shared'
  ],
  // What the commands do, beside the agent.
  'agent/commands/buffer': [
    'agent/*',
    'agent/buffer',
    'agent/carry',
    'agent/clock',
    'agent/commands',
    'agent/sender',
    'shared'
  ],
  'agent/carry': ['agent/buffer', 'agent/clock', 'agent/sender', 'shared'],
  'agent/doctor': [
    'agent/*',
    'agent/clock',
    'agent/control',
    'agent/sources/tail/glob.ts',
    'shared'
  ],
  'agent/fixtures': ['agent/*', 'agent/transforms', 'shared'],
  'agent/init': ['shared'],
  'agent/top': ['agent/control', 'shared'],
  'agent/control': ['agent/buffer/buffer.ts', 'agent/sources/source.ts', 'shared'],
  'agent/*': [
    'agent/clock',
    'agent/config',
    'agent/control',
    'agent/sources',
    'agent/transforms',
    'agent/buffer',
    'agent/sender',
    'agent/link',
    'shared'
  ],
  'agent/remote': ['agent/*', 'shared'],
  'agent/config': ['agent/*', 'agent/link/quiet-hours.ts', 'shared'],
  'agent/sources': ['agent/formats', 'agent/patterns', 'agent/buffer/buffer.ts', 'shared'],
  'agent/transforms': ['agent/formats', 'agent/patterns', 'agent/buffer/buffer.ts', 'shared'],
  'agent/formats': ['shared'],
  'agent/patterns': ['shared'],
  'agent/sender': ['agent/buffer/buffer.ts', 'shared'],
  'agent/link': [
    'agent/sender/send-gate.ts',
    'agent/sender/transports/transport.ts',
    'agent/buffer/buffer.ts',
    'shared'
  ],
  'agent/buffer': ['agent/clock', 'shared'],
  'agent/clock': ['shared'],
  'gateway/main.ts': ['gateway/commands', 'shared'],
  'gateway/stream-main.ts': ['gateway/stream-commands', 'shared'],
  // Devices and their accounts are kept in files that the commands and a running gateway share.
  'gateway/commands': [
    'gateway/*',
    'gateway/admission/device-store.ts',
    'gateway/admission/ledger-store.ts',
    'gateway/admission/admission.ts',
    'gateway/tls/read-tls.ts',
    'gateway/remote-config',
    'shared'
  ],
  // A Kinesis is read and written with no gateway between.
  'gateway/stream-commands': [
    'gateway/engines/engine.ts',
    'gateway/engines/description-json.ts',
    'gateway/engines/hash-key.ts',
    'gateway/engines/kinesis/kinesis-engine.ts',
    'gateway/reading/reader.ts',
    'gateway/sharding',
    'shared'
  ],
  'gateway/*': [
    'gateway/fronts/http',
    'gateway/fronts/mqtt',
    'gateway/fronts/tls',
    'gateway/remote-config',
    'gateway/tls',
    'gateway/admission',
    'gateway/sharding',
    'gateway/engines',
    'gateway/engines/embedded',
    'gateway/engines/kinesis',
    'gateway/reading',
    'gateway/spool',
    'shared'
  ],
  'gateway/tls': ['gateway/tls-config.ts', 'gateway/fronts/tls', 'shared'],
  'gateway/fronts/tls': ['gateway/admission/admission.ts', 'shared'],
  // What phone apps send, over whichever front.
  'gateway/fronts/trackers': ['shared'],
  'gateway/fronts/http': [
    'gateway/fronts/tls',
    'gateway/fronts/trackers',
    'gateway/admission/admission.ts',
    'gateway/engines/engine.ts',
    'gateway/engines/hash-key.ts',
    'gateway/remote-config',
    'gateway/engines/description-json.ts',
    'gateway/reading/reader.ts',
    'shared'
  ],
  'gateway/fronts/mqtt': [
    'gateway/fronts/tls',
    'gateway/fronts/trackers',
    'gateway/admission/admission.ts',
    'shared'
  ],
  'gateway/admission': ['gateway/sharding/sharding.ts', 'shared'],
  'gateway/sharding': ['gateway/engines', 'shared'],
  'gateway/spool': ['gateway/sharding/sharding.ts', 'gateway/reading', 'gateway/engines', 'shared'],
  'gateway/remote-config': ['shared'],
  'gateway/reading': ['gateway/engines', 'shared'],
  'gateway/engines/embedded': ['gateway/engines', 'shared'],
  'gateway/engines/kinesis': ['gateway/engines', 'shared'],
  'gateway/engines': ['shared']
}

/** Files over 250 lines, each with the reason why it is better in one piece. */
const longFiles: Readonly<Record<string, string>> = {}
const longFileLines = 250
const mostLines = 400
const mostTestLines = 500

/** What reads the machine's clocks, sets timers or draws chance, and where alone that is done. */
const machine = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bperformance\.now\(/,
  /\bMath\.random\(/,
  /\bAbortSignal\.timeout\(/,
  /(?<![.\w])(setTimeout|setInterval|randomBytes|randomUUID)\(/
]
const machineFiles = ['shared/clock.ts', 'shared/random.ts']

/** Only these see the process; all else is handed what it needs. */
const processFiles = [
  'agent/main.ts',
  'gateway/main.ts',
  'gateway/stream-main.ts',
  'shared/command-line.ts',
  // Ends process groups.
  'agent/sources/process/process-group.ts'
]

const bannedFileName = /(^|[-.])(utils?|helpers?|common|manager|types|base|abstract)([-.]|$)/
const bannedTypeName =
  /\b(?:class|interface)\s+(I[A-Z][a-z]\w*|Abstract\w*|Base[A-Z]\w*|\w*(?:Manager|Helper|Utils?))\b/

const sources = ['agent', 'gateway', 'shared'].flatMap(filesOf)
const tests = filesOf('test')

test('imports go only where the table of rooms lets them', () => {
  const wrong = sources.flatMap((file) =>
    relativeImports(file)
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} -> ${target}`)
  )
  assert.deepEqual(wrong, [])
})

test('no import leads back to where it began, not even by types', () => {
  const known = new Set<string>()
  const cycles: string[] = []
  const follow = (file: string, way: readonly string[]) => {
    if (way.includes(file)) cycles.push([...way.slice(way.indexOf(file)), file].join(' -> '))
    if (known.has(file)) return
    known.add(file)
    for (const target of relativeImports(file)) follow(target, [...way, file])
  }
  for (const file of sources) follow(file, [])
  assert.deepEqual(cycles, [])
})

test('every source file lies in a room of the table', () => {
  assert.deepEqual(
    sources.filter((file) => !(roomOf(file) in rooms)),
    []
  )
})

test(`no file is over ${mostLines} lines, and one over ${longFileLines} has its reason in the table`, () => {
  const long = [...sources, ...tests]
    .map((file) => ({ file, lines: textOf(file).split('\n').length - 1 }))
    .filter(({ file, lines }) => {
      if (file.startsWith('test/')) return lines > mostTestLines
      return lines > (file in longFiles ? mostLines : longFileLines)
    })
  assert.deepEqual(long, [])
  for (const [file, reason] of Object.entries(longFiles)) {
    assert.ok(sources.includes(file) && reason !== '', `${file} needs no entry any more`)
  }
})

test('names say what a thing is', () => {
  const files = [...sources, ...tests].filter(
    (file) => bannedFileName.test(basename(file, '.ts')) || !/^[a-z0-9.-]+$/.test(basename(file))
  )
  assert.deepEqual(files, [])
  const types = [...sources, ...tests].flatMap((file) => {
    const found = bannedTypeName.exec(codeOf(file))
    return found ? [`${file}: ${found[1]}`] : []
  })
  assert.deepEqual(types, [])
})

test('clocks, timers and chance come in through the constructor', () => {
  const wrong = sources
    .filter((file) => !machineFiles.includes(file))
    .flatMap((file) => {
      const code = codeOf(file)
      return machine.filter((one) => one.test(code)).map((one) => `${file}: ${one.source}`)
    })
  assert.deepEqual(wrong, [])
})

test('only the main files touch the process', () => {
  const touch =
    /(?<![.\w-])process\.(env|argv|exit|exitCode|stdin|stdout|stderr|on|once|cwd|kill)\b/
  const wrong = sources.filter((file) => !processFiles.includes(file) && touch.test(codeOf(file)))
  assert.deepEqual(wrong, [])
})

test('a program depends on what it imports and on nothing else', () => {
  const common = Object.keys(dependenciesOf('shared'))
  for (const program of ['agent', 'gateway', 'shared']) {
    const declared = Object.keys(dependenciesOf(program)).filter(
      (one) => !one.startsWith('@headwater/')
    )
    const imported = new Set(filesOf(program).flatMap(packageImports))
    const missing = [...imported].filter((one) => !declared.includes(one) && !common.includes(one))
    assert.deepEqual(missing, [], `${program}/package.json lacks these`)
    const needed = program === 'shared' ? sources.flatMap(packageImports) : [...imported]
    const idle = declared.filter((one) => !needed.includes(one))
    assert.deepEqual(idle, [], `${program}/package.json does not need these`)
  }
})

test('the lockfile has no download addresses, so that any registry serves it', () => {
  const { packages } = JSON.parse(textOf('package-lock.json'))
  const addresses = Object.values<{ resolved?: string }>(packages).filter((one) =>
    one.resolved?.includes('://')
  )
  assert.deepEqual(addresses, [])
})

test('the reference pages are those of the code', () => {
  const args = [join(root, 'scripts/docs.mjs'), '--check', '--built', built]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('every source has its page', async () => {
  const { sourceLoaders } = await import('../agent/sources/index.ts')
  const pages = Object.keys(sourceLoaders).map((key) => `docs/reference/sources/${key}.md`)
  assert.deepEqual(
    pages.filter((page) => !existsSync(join(root, page))),
    []
  )
})

test('a library that is loaded late is taken by its default: in the packaged agent it has nothing else', () => {
  for (const file of sources.filter((file) => !file.startsWith('gateway/'))) {
    const text = readFileSync(join(root, file), 'utf8')
    for (const { 0: call, 1: name, index } of text.matchAll(
      /(?<!typeof )import\('([^.'][^']*)'\)(?!\.)/g
    )) {
      if (name?.startsWith('node:')) continue
      const statement = text.slice(text.lastIndexOf('const ', index), index)
      assert.match(statement, /default:/, `${file}: ${call}`)
    }
  }
})

test('every transform has its page', async () => {
  const { transformLoaders } = await import('../agent/transforms/index.ts')
  const pages = Object.keys(transformLoaders).map((key) => `docs/reference/transforms/${key}.md`)
  assert.deepEqual(
    pages.filter((page) => !existsSync(join(root, page))),
    []
  )
})

function repositoryAbove(folder: string): string {
  const manifest = join(folder, 'package-lock.json')
  return existsSync(manifest) ? folder : repositoryAbove(dirname(folder))
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name))
    .toSorted()
}

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Without comments. */
function codeOf(file: string): string {
  return textOf(file)
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
}

function importsOf(file: string): string[] {
  const code = codeOf(file)
  const statements = code.matchAll(/^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*'([^']+)'/gm)
  const calls = code.matchAll(/\bimport\('([^']+)'\)/g)
  return [...statements, ...calls].map((match) => match[1] ?? '')
}

function relativeImports(file: string): string[] {
  return importsOf(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => relative(root, join(root, dirname(file), path)))
}

/** `zod`, `@scope/name`; modules of Node do not count. */
function packageImports(file: string): string[] {
  return importsOf(file)
    .filter((path) => !path.startsWith('.') && !path.startsWith('node:'))
    .map((path) =>
      path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/')
    )
}

/** The longest entry of the table that holds the file. */
function roomOf(file: string): string {
  if (file in rooms) return file
  const folders = Object.keys(rooms).filter((room) => file.startsWith(`${room}/`))
  const longest = folders.toSorted((a, b) => b.length - a.length)[0]
  return longest ?? `${dirname(file)}/*`
}

function mayImport(file: string, target: string): boolean {
  const room = roomOf(file)
  const allowed = rooms[room] ?? []
  return roomOf(target) === room || allowed.includes(target) || allowed.includes(roomOf(target))
}

function dependenciesOf(workspace: string): Record<string, string> {
  return JSON.parse(textOf(`${workspace}/package.json`)).dependencies
}

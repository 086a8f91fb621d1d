// headwater-<program>_<version>_<architecture>.deb: the program with its own Node, ready for systemd.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { root } from '../program.mjs'
import { architectures, hostArchitecture } from './architectures.mjs'
import { bundle, unbundled } from './bundle.mjs'
import { changelog, control, copyright } from './debian-texts.mjs'
import { librariesOf } from './libraries.mjs'
import { copyNode } from './node-binary.mjs'
import { copyBuilt, copyDependencies, nodeFlagsOf, stubsOf } from './program-tree.mjs'
import { copyAddon } from './sqlite-addon.mjs'
import { requireTools } from './tools.mjs'

const debian = join(root, 'scripts/package/debian')

/** Writes it into `folder`; returns its name. Two runs on the same commit make the same bytes. */
export async function makeDeb({ program, architecture, folder }) {
  const { triplet } = architectures[architecture]
  const binutils = architecture === hostArchitecture() ? 'binutils' : `binutils-${triplet}`
  requireTools({ 'dpkg-deb': 'dpkg', readelf: 'binutils', [`${triplet}-strip`]: binutils })
  const { version, description } = JSON.parse(
    readFileSync(join(root, program, 'package.json'), 'utf8')
  )
  const name = `headwater-${program}`
  const debVersion = version.replace('-', '~')
  const stage = mkdtempSync(join(tmpdir(), `${name}-`))
  try {
    const home = join(stage, 'usr/lib', name)
    const licensed = await fillHome({ program, architecture, home, version })
    fillSystem({ program, stage })
    const documents = join(stage, 'usr/share/doc', name)
    put(join(documents, 'copyright'), copyright(licensed))
    put(join(documents, 'changelog'), changelog({ name, version: debVersion, epoch: epoch() }))
    execFileSync('gzip', ['-9n', join(documents, 'changelog')])
    for (const guide of ['install-on-debian.md', 'back-up-and-restore.md']) {
      cpSync(join(root, 'docs/guides', guide), join(documents, guide))
    }
    const depends = librariesOf([join(home, 'node'), addonIn(home)])
    const bytes = normalise(stage)
    fillControl({
      program,
      stage,
      text: control({
        name,
        program,
        version: debVersion,
        architecture,
        description,
        depends,
        bytes
      })
    })
    normalise(stage)
    const file = `${name}_${debVersion}_${architecture}.deb`
    pack(stage, join(folder, file))
    return file
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** `/usr/lib/<name>`: Node, the code and what it needs. Returns the folders of the dependencies. */
async function fillHome({ program, architecture, home, version }) {
  mkdirSync(home, { recursive: true })
  // The agent shares small machines with others; the gateway may take what it needs.
  const isSmall = program === 'agent'
  if (isSmall) await bundle(program, home)
  else copyBuilt(program, home)
  const dependencies = copyDependencies(program, home, isSmall ? unbundled : undefined)
  copyNode(architecture, join(home, 'node'))
  mkdirSync(dirname(addonIn(home)), { recursive: true })
  copyAddon(architecture, addonIn(home))
  put(
    join(home, 'package.json'),
    `${JSON.stringify({ name: basename(home), version, type: 'module' })}\n`
  )
  return dependencies
}

function addonIn(home) {
  return join(home, 'node_modules/sqlite3/build/Release/node_sqlite3.node')
}

/** What lies outside: launchers, the unit, the example of the configuration. */
function fillSystem({ program, stage }) {
  const own = join(debian, program)
  for (const { file, text } of stubsOf(program)) {
    const home = `/usr/lib/headwater-${program}`
    const flags = nodeFlagsOf(program, text).join(' ')
    const start = [`${home}/node`, flags, `${home}/bin/${file}`].filter((part) => part !== '')
    put(
      join(stage, 'usr/bin', basename(file, '.mjs')),
      template('launcher', { start: start.join(' ') })
    )
    // The launcher starts it, with the Node and the flags that belong to it.
    put(join(stage, home, 'bin', file), text.replace(/^#!.*\n/, ''))
  }
  const overrides = join(stage, 'usr/share/lintian/overrides', `headwater-${program}`)
  put(overrides, template('lintian-overrides', { program }))
  const unit = `headwater-${program}.service`
  put(join(stage, 'lib/systemd/system', unit), readFileSync(join(own, unit)))
  const example = `${program}.yaml.example`
  put(join(stage, 'etc/headwater', example), readFileSync(join(own, example)))
  if (program === 'gateway') {
    const users = join(stage, 'usr/lib/sysusers.d/headwater-gateway.conf')
    put(users, readFileSync(join(own, 'sysusers.conf')))
  }
}

function fillControl({ program, stage, text }) {
  const folder = join(stage, 'DEBIAN')
  put(join(folder, 'control'), text)
  put(join(folder, 'conffiles'), `/etc/headwater/${program}.yaml.example\n`)
  put(join(folder, 'postinst'), readFileSync(join(debian, program, 'postinst')), 0o755)
  for (const script of ['prerm', 'postrm']) {
    put(join(folder, script), template(script, { program }), 0o755)
  }
  const files = filesOf(stage).filter(
    (path) => !path.startsWith('DEBIAN/') && !path.startsWith('etc/')
  )
  put(join(folder, 'md5sums'), execFileSync('md5sum', files, { cwd: stage, maxBuffer: 2 ** 26 }))
}

function template(name, values) {
  const text = readFileSync(join(debian, name), 'utf8')
  return text.replace(/@(\w+)@/g, (_, key) => values[key])
}

function put(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content, { mode })
}

/** Modes and times that do not depend on who builds, and when. Returns the bytes of all files. */
function normalise(stage) {
  const time = epoch()
  let bytes = 0
  for (const entry of readdirSync(stage, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const content = entry.isFile() ? readFileSync(path) : undefined
    chmodSync(path, content && !isProgram(content) ? 0o644 : 0o755)
    lutimesSync(path, time, time)
    bytes += content?.length ?? 0
  }
  chmodSync(stage, 0o755)
  lutimesSync(stage, time, time)
  return bytes
}

/** A script, or Node; the other ELF files are shared objects, which need no mode of their own. */
function isProgram(content) {
  const head = content.toString('latin1', 0, 18)
  return head.startsWith('#!') || (head.startsWith('\x7fELF') && head.codePointAt(16) === 2)
}

function filesOf(stage) {
  return readdirSync(stage, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(stage.length + 1))
    .toSorted()
}

/** Old or new, never half of it: whoever finds a package may install it. */
function pack(stage, file) {
  const options = ['--root-owner-group', '-Zxz', '--threads-max=1']
  execFileSync('dpkg-deb', [...options, '--build', stage, `${file}.new`], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch()) },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  renameSync(`${file}.new`, file)
}

/** Seconds; the time of the commit unless SOURCE_DATE_EPOCH says another. */
function epoch() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) return Number(given)
  const options = { cwd: root, encoding: 'utf8' }
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], options))
}

// The texts of a Debian package: what it is, who may use it, what changed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from '../program.mjs'

/** As the tools of Debian take it from the environment. */
const maintainer = `${process.env.DEBFULLNAME ?? 'Headwater'} <${process.env.DEBEMAIL ?? 'headwater@localhost'}>`

const summaries = {
  agent: 'telemetry agent with a durable buffer',
  gateway: 'telemetry gateway with an embedded stream engine'
}

/** `bytes`: of all files, unpacked. */
export function control({ name, program, version, architecture, description, depends, bytes }) {
  const needs =
    program === 'gateway' ? `${depends}, systemd | systemd-standalone-sysusers` : depends
  return `Package: ${name}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: ${needs}
Section: net
Priority: optional
Description: ${summaries[program]}
${wrap(description, ' ')} .
 It carries its own Node.js and needs no other package of JavaScript.
`
}

const apache = ' On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.\n'

/** In the machine-readable form; `dependencies` are the folders of the packages that come along. */
export function copyright(dependencies) {
  const head = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: headwater

Files: *
Copyright: the authors of Headwater
License: Apache-2.0
${apache}`
  const others = dependencies.map((folder) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const place = folder.slice(folder.indexOf('node_modules/'))
    const text = license === 'Apache-2.0' ? apache : licenseText(folder)
    return `\nFiles: usr/lib/*/${place}/*\nCopyright: the authors of ${basename(folder)} ${version}\nLicense: ${license}\n${text}`
  })
  return head + others.join('')
}

function licenseText(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  const text = file ? readFileSync(join(folder, file), 'utf8') : 'See its package.json.'
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => (line.trim() === '' ? ' .\n' : ` ${line}\n`))
    .join('')
}

/** `epoch`: seconds. */
export function changelog({ name, version, epoch }) {
  const folder = join(root, 'changelog.d')
  const changes = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file !== 'README.md')
        .toSorted()
    : []
  const items = changes.map((file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    return `  * ${wrap(text, '    ').trimStart()}`
  })
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')
  return `${name} (${version}) unstable; urgency=medium\n\n${items.join('')}\n -- ${maintainer}  ${date}\n`
}

/** `text` in lines of at most 76 characters that start with `indent`. */
function wrap(text, indent) {
  const lines = ['']
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1)
    if (line === '') lines[lines.length - 1] = indent + word
    else if (line.length + word.length < 76) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(indent + word)
  }
  return `${lines.join('\n')}\n`
}

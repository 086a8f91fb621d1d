// A built program and the libraries it uses as a few small files. An agent that idles takes 6 to 9 MB
// less memory this way: V8 keeps the source of every module, and reads each from a file of its own.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { install } from '../bootstrap.mjs'
import { root } from '../program.mjs'

const bundler = join(root, 'scripts/package/bundler')

/** They have native parts, so they stay packages. The second is optional and left out. */
export const unbundled = ['sqlite3', 'bindings', 'file-uri-to-path']
const external = [...unbundled, 'cbor-extract']

/** Libraries that are CommonJS ask for Node's own modules by `require`. */
const requireForModules =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** Writes `dist/<program>/main.js`, and what it loads when it needs it, below `folder`. */
export async function bundle(program, folder) {
  const { build } = await loadBundler()
  await build({
    entryPoints: [join(root, 'dist', program, 'main.js')],
    outdir: join(folder, 'dist', program),
    bundle: true,
    splitting: true,
    minify: true,
    // Class names are in the logs and in messages.
    keepNames: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external,
    banner: { js: requireForModules },
    logLevel: 'warning'
  })
}

/** Installed when it is first needed, as the linters are. */
async function loadBundler() {
  const { dependencies } = JSON.parse(readFileSync(join(bundler, 'package.json'), 'utf8'))
  const place = join(bundler, 'node_modules/esbuild')
  const isThere =
    existsSync(join(place, 'package.json')) &&
    JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')).version === dependencies.esbuild
  if (!isThere) install(bundler, ['install', '--no-save', '--no-package-lock', '--ignore-scripts'])
  return import(pathToFileURL(join(place, 'lib/main.js')).href)
}

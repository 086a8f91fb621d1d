import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The sources of these tests, where the programs in other languages are; found above the built code. */
export const compatFolder = sourcesAbove(dirname(fileURLToPath(import.meta.url)))

function sourcesAbove(folder: string): string {
  const sources = join(folder, 'test/compat')
  if (existsSync(join(sources, 'java/pom.xml'))) return sources
  const above = dirname(folder)
  if (above === folder) throw new Error('test/compat is not above the built tests')
  return sourcesAbove(above)
}

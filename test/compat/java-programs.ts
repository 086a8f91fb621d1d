import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { ClientProcess } from './client-process.ts'
import { compatFolder } from './compat-folder.ts'

const project = join(compatFolder, 'java')
/** Where the project's file puts what it makes. */
const built = resolve(project, '../../../.build/compat-java')
const libraries = join(built, 'dependency')

/** Compiles the Java programs and fetches what they need; from the second time on without network. */
export function buildJavaPrograms(): void {
  // Libraries of an older version of the project would stand beside the new ones.
  rmSync(libraries, { recursive: true, force: true })
  const maven = (...options: string[]) =>
    spawnSync('mvn', ['-q', '-B', ...options, 'compile'], { cwd: project, encoding: 'utf8' })
  if (maven('-o').status === 0) return
  const done = maven()
  if (done.status !== 0) throw new Error(`mvn compile failed\n${done.stdout}${done.stderr}`)
}

/** Runs one of the programs; what it takes and writes is said in its source. */
export function javaProgram(t: TestContext, name: string, ...args: string[]): ClientProcess {
  const options = [
    ...['-cp', `${join(built, 'classes')}:${join(libraries, '*')}`],
    // Where the producer library unpacks its daemon, and DynamoDB Local finds its native part.
    `-Djava.io.tmpdir=${built}`,
    `-Dsqlite4java.library.path=${libraries}`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  ]
  return new ClientProcess(t, ['java', ...options, `headwater.compat.${name}`, ...args])
}

import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { SqliteBuffer, type SqliteBufferOptions } from '../../../agent/buffer/sqlite-buffer.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { bufferOptions, never } from './setup.ts'

/** Whose cursor `appendNumbers` moves. */
export const source = 'tail:/var/log/app.log'

/** Appends records `from` to `to`, each with a cursor behind it, and a cursor before the first. */
export async function appendNumbers(buffer: AgentBuffer, [from, to]: [number, number], bytes = 10) {
  const cursors = [{ source, position: Buffer.from(`${from - 1}`) }]
  await buffer.append({ ...chunkOf('a'), cursors })
  for (let n = from; n <= to; n++) {
    const cursors = [{ source, position: Buffer.from(`${n}`) }]
    await buffer.append({ ...chunkOf('a', `${n}`.padEnd(bytes, '.')), cursors })
  }
}

export async function numbersOf(buffer: AgentBuffer): Promise<number[]> {
  const texts = await textsOf(await framesOf(buffer, 'a'))
  return texts.filter((text) => !text.startsWith('{')).map((text) => Number.parseInt(text, 10))
}

export function cursorOf(buffer: AgentBuffer): number {
  return Number(buffer.cursors(source).get(source)?.toString() ?? 0)
}

/** The directory as a power cut leaves it. */
export async function imageOf(t: TestContext, directory: string): Promise<string> {
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  return image
}

export async function open(
  t: TestContext,
  directory: string,
  options: Partial<SqliteBufferOptions> = {}
): Promise<SqliteBuffer> {
  const buffer = new SqliteBuffer(
    bufferOptions(directory, { random: new SeededRandom(), ...options })
  )
  t.after(() => buffer.stop(AbortSignal.abort()))
  await buffer.start(never)
  return buffer
}

export async function segmentFile(directory: string, ending: string, index = -1): Promise<string> {
  const folder = join(directory, 'segments')
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending)).sort()
  return join(folder, String(names.at(index)))
}

export async function damage(path: string, at: number, mask = 0x10): Promise<void> {
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at)
  await writeFile(path, bytes)
}

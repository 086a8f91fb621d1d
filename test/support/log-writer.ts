import { copyFile, type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'

interface Generation {
  readonly handle: FileHandle
  readonly lines: string[]
  /** The beginning of a line whose newline has not come. */
  partial: string
}

/** A program that logs to `app.log`, and what rotates its log. Every line is different. */
export class LogWriter {
  readonly path: string
  readonly #directory: string
  readonly #generations: Generation[] = []
  #number = 0

  private constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, 'app.log')
  }

  static async create(directory: string): Promise<LogWriter> {
    const writer = new LogWriter(directory)
    await writer.#begin()
    return writer
  }

  /** All whole lines, generation by generation. */
  get generations(): readonly (readonly string[])[] {
    return this.#generations.map((generation) => generation.lines)
  }

  get total(): number {
    return this.#generations.reduce((sum, { lines }) => sum + lines.length, 0)
  }

  /** Writes whole lines to the current file, or to the one before it, as a slow logger does. */
  async write(count: number, to: 'current' | 'previous' = 'current'): Promise<void> {
    const generation = this.#generations.at(to === 'current' ? -1 : -2)
    if (!generation) return
    let text = ''
    for (let i = 0; i < count; i++) {
      const line = `${generation.partial}line ${this.#number++} ${'x'.repeat(this.#number % 90)}`
      text += `${line.slice(generation.partial.length)}\n`
      generation.lines.push(line)
      generation.partial = ''
    }
    await generation.handle.write(text)
  }

  async writePart(): Promise<void> {
    const generation = this.#generations.at(-1)
    if (!generation) return
    const part = `part ${this.#number++} `
    generation.partial += part
    await generation.handle.write(part)
  }

  /** Completes what was begun, so that the file may go. */
  async completeLines(): Promise<void> {
    for (const generation of this.#generations) {
      if (generation.partial === '') continue
      const text = 'end'
      generation.lines.push(generation.partial + text)
      generation.partial = ''
      await generation.handle.write(`${text}\n`)
    }
  }

  /** `app.log` becomes `app.log.1`, and that `app.log.2`; a new file takes its place. */
  async rename(): Promise<void> {
    const numbers = (await readdir(this.#directory))
      .map((name) => Number(/^app\.log\.(\d+)$/.exec(name)?.[1]))
      .filter((number) => number > 0)
      .sort((a, b) => b - a)
    for (const number of numbers) {
      await rename(`${this.path}.${number}`, `${this.path}.${number + 1}`)
    }
    await rename(this.path, `${this.path}.1`)
    await this.#begin()
  }

  /** The file goes and a new one of the same name is made. */
  async recreate(): Promise<void> {
    await unlink(this.path)
    await this.#begin()
  }

  /** The file is emptied in place, after a copy of it was made when `copyTo` is given. */
  async truncate(copyTo?: string): Promise<void> {
    if (copyTo) await copyFile(this.path, join(this.#directory, copyTo))
    const old = this.#generations.at(-1)
    await old?.handle.truncate(0)
    await this.#begin()
  }

  /** The file comes back without its last `lines` lines; they and their text are gone. */
  async loseEnd(lines: number): Promise<readonly string[]> {
    const generation = this.#generations.at(-1)
    if (!generation) return []
    const lost = generation.lines.splice(Math.max(0, generation.lines.length - lines))
    const bytes = lost.reduce((sum, line) => sum + line.length + 1, generation.partial.length)
    generation.partial = ''
    await generation.handle.truncate((await stat(this.path)).size - bytes)
    return lost
  }

  async close(): Promise<void> {
    for (const { handle } of this.#generations) await handle.close()
  }

  async #begin(): Promise<void> {
    this.#generations.push({ handle: await open(this.path, 'a'), lines: [], partial: '' })
  }
}

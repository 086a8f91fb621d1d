import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DeadLetter } from './sharding/dead-letter.ts'

/**
 * Records that the engine refused for good, one JSON object a line: who sent it, where it was to go,
 * why it was refused, and the data in base64.
 */
export class DeadLetters {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** On disk when it resolves. */
  async park({ source, data, ...rest }: DeadLetter): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true })
    const file = await open(this.#path, 'a', 0o600)
    try {
      await file.write(`${JSON.stringify({ ...rest, ...source, data: data.toString('base64') })}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
  }
}

import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import { requireName } from '../../shared/record.ts'
import type { CheckpointStore } from '../engines/engine.ts'

/** Checkpoints beside an engine that keeps none: one file for each application and stream. */
export class CheckpointFiles implements CheckpointStore {
  readonly #directory: string
  #last: Promise<void> = Promise.resolve()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** One after the other, so that two saves of one checkpoint end with the later one. */
  async saveCheckpoint(application: string, stream: string, value: string): Promise<void> {
    const path = this.#path(application, stream)
    const saved = this.#last.then(() => replaceFile(path, value))
    this.#last = saved.catch(() => undefined)
    await saved
  }

  async loadCheckpoint(application: string, stream: string): Promise<string | undefined> {
    const path = this.#path(application, stream)
    try {
      return await readFile(path, 'utf8')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw unusable(path, cause)
    }
  }

  /** The endings keep a name of dots from meaning another folder. */
  #path(application: string, stream: string): string {
    const folder = `${requireName(application, 'the application')}.checkpoints`
    return join(this.#directory, folder, `${requireName(stream, 'the stream')}.json`)
  }
}

/** After a crash the file is the old one or the new one, whole. */
async function replaceFile(path: string, text: string): Promise<void> {
  const folder = dirname(path)
  const fresh = `${path}.new`
  try {
    const made = await mkdir(folder, { recursive: true })
    if (made !== undefined) await syncPath(dirname(made))
    await writeSynced(fresh, text)
    await rename(fresh, path)
    await syncPath(folder)
  } catch (cause) {
    throw unusable(path, cause)
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new name in a folder is durable when the folder is. */
async function syncPath(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unusable(path: string, cause: unknown): HeadwaterError {
  return new HeadwaterError('unavailable', `the checkpoint ${path}: ${String(cause)}`, { cause })
}

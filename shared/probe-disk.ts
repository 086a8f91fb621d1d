import { open } from 'node:fs/promises'

/**
 * Settles when the disk below `directory` and the threads that all commits run on have answered:
 * it flushes the directory, which writes nothing when nothing changed. Rejects when they answer
 * with an error.
 */
export async function probeDisk(directory: string): Promise<void> {
  const handle = await open(directory)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

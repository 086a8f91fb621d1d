import { stat } from 'node:fs/promises'

/** Changes whenever the file is written or replaced; `missing` when there is none. Never rejects. */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino}/${size}/${mtimeNs}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'missing' : `unreadable: ${code}`
  }
}

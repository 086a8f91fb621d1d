import { statfs } from 'node:fs/promises'

/** Bytes that this user may still write to the file system of a directory. */
export async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

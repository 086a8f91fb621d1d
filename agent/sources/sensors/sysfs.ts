import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { SensorFault } from './sensor.ts'

/** The text of an attribute without the line end; empty where it cannot be read. */
export async function textOf(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}

/** The number an attribute holds; rejects where it cannot be read or is none. */
export async function numberOf(path: string): Promise<number> {
  const text = (await readFile(path, 'utf8')).trim()
  const value = Number(text)
  if (text !== '' && Number.isFinite(value)) return value
  throw new SensorFault('not_a_number', `${path} holds no number but ${JSON.stringify(text)}`)
}

/** Names in a directory that match, by name and number; none where there is no such directory. */
export async function namesIn(directory: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(directory).catch((): string[] => [])
  return entries.filter((entry) => pattern.test(entry)).sort(byNumber.compare)
}

const byNumber = new Intl.Collator('en', { numeric: true })

/** The last name of what a link leads to: the kernel's name of a device. Empty where there is none. */
export async function linkedName(path: string): Promise<string> {
  return realpath(path).then(basename, () => '')
}

import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Sql } from './sql.ts'

/** Of every store file, in `user_version`; 0 is a file whose first commit never happened. */
export const storeVersion = 3

/** Files from here on are read, and sealed anew with the first commit: 3 has frames of `own` times. */
const oldestVersion = 2

/** `odd`: not as it was sealed. */
export type FirstPage = 'ours' | 'unborn' | 'newer' | 'odd'

/**
 * Writes the version, and into `application_id` a CRC of version and schema: SQLite itself takes a
 * damaged name of a table or a column for what it says. Comes after all tables.
 */
export async function sealFirstPage(db: Sql, version = storeVersion): Promise<void> {
  await db.exec(`PRAGMA user_version = ${version}`)
  await db.exec(`PRAGMA application_id = ${crcOf(version, await schemaOf(db))}`)
}

/** Brings a file of an older version up to this one; an older program leaves it alone from then on. */
export async function sealAnew(db: Sql): Promise<void> {
  const version = Number((await db.get('PRAGMA user_version'))?.['user_version'])
  if (version < storeVersion) await sealFirstPage(db)
}

/** Looks at the first page of an open file. */
export async function readFirstPage(db: Sql): Promise<FirstPage> {
  const version = Number((await db.get('PRAGMA user_version'))?.['user_version'])
  const id = Number((await db.get('PRAGMA application_id'))?.['application_id'])
  const schema = await schemaOf(db)
  if (version === 0 && id === 0 && schema.length === 0) return 'unborn'
  if (id !== crcOf(version, schema) || version < oldestVersion) return 'odd'
  return version <= storeVersion ? 'ours' : 'newer'
}

/** Makes the tables that a file of an older program lacks. */
export async function addTables(
  db: Sql,
  tables: readonly { readonly name: string; readonly create: string }[]
): Promise<void> {
  const known = await db.all("SELECT name FROM sqlite_schema WHERE type = 'table'")
  const missing = tables.filter(({ name }) => !known.some((row) => row['name'] === name))
  if (missing.length === 0) return
  for (const { create } of missing) await db.exec(create)
  await sealFirstPage(db)
}

async function schemaOf(db: Sql): Promise<unknown[][]> {
  const rows = await db.all('SELECT * FROM sqlite_schema ORDER BY rowid')
  return rows.map((row) => Object.values(row))
}

/** As SQLite keeps it, with a sign. */
function crcOf(version: number, schema: unknown[][]): number {
  return crc32(JSON.stringify([version, schema])) | 0
}

/** Offsets in SQLite's header: https://sqlite.org/fileformat2.html#the_database_header. */
const fixed: readonly (readonly [at: number, hex: string])[] = [
  [0, Buffer.from('SQLite format 3\0').toString('hex')],
  // Format for writing and for reading: with a log. No bytes reserved. Fractions of the payload.
  [18, '020200402020'],
  // No automatic vacuum.
  [52, '00000000'],
  [64, '00000000']
]

/** Whether the header of a file is one that we write, before SQLite goes by it. */
export async function isHeaderOurs(path: string): Promise<boolean> {
  const header = await readHeader(path)
  // What cannot be read or is not there yet SQLite has a word for.
  if (!header) return true
  return fixed.every(([at, hex]) => header.toString('hex', at, at + hex.length / 2) === hex)
}

/** The first 100 bytes; undefined when there are fewer, or they cannot be read. */
export async function readHeader(path: string): Promise<Buffer | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0)
    return bytesRead === 100 ? buffer : undefined
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

import { basename, dirname, extname, relative } from 'node:path'
import { archiveSuffix } from './archive.ts'

/**
 * Whether `name` is one that rotation gives to `home`: `app.log.1`, `app.log-20250101`, `app-2.log`,
 * also when it was compressed then: `app.log.2.gz`; beside it or in a directory below.
 */
export function isRotationOf(name: string, home: string): boolean {
  const path = withoutSuffix(name)
  if (path === home || !isWithin(dirname(path), dirname(home))) return false
  const stem = stemOf(home)
  const file = basename(path)
  if (!file.startsWith(stem)) return false
  const extension = extname(home)
  let rest = file.slice(stem.length)
  if (rest.startsWith(extension)) rest = rest.slice(extension.length)
  else if (rest.endsWith(extension)) rest = rest.slice(0, rest.length - extension.length)
  else return false
  return /^[.\-_]?(\d[\d.\-_T]*|old|bak)$/.test(rest)
}

/** `app` of `/var/log/app.log`: what the names of its rotated files begin with. */
export function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** The path of what was compressed into this archive. */
export function withoutSuffix(path: string): string {
  return path.endsWith(archiveSuffix) ? path.slice(0, -archiveSuffix.length) : path
}

/** Whether `directory` is `other` or lies below it. */
export function isWithin(directory: string, other: string): boolean {
  return !/^\.\.(\/|$)/.test(relative(other, directory))
}

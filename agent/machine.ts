import { stat, statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { z } from 'zod'
import { formatByteSize, parseByteSize } from '../shared/byte-size.ts'
import { attempt } from '../shared/config/fields.ts'
import { HeadwaterError } from '../shared/errors.ts'
import { type Media, mediumOf, type SystemRoots } from './medium.ts'

/** Page sizes of SQLite that make sense here, bytes. */
export const pageSizes = [512, 1024, 2048, 4096, 8192, 16_384] as const

/** What of the buffer follows from the medium. */
export interface MediaPreset {
  /** Milliseconds. */
  readonly commitAge: number
  readonly pageSize: (typeof pageSizes)[number]
  readonly compression: 'none' | 'gzip'
}

/** An SD card wears by what is written, so it is written less often, in smaller pages, packed. */
export const mediaPresets: Readonly<Record<Media, MediaPreset>> = {
  ssd: { commitAge: 1000, pageSize: 4096, compression: 'none' },
  'sd-card': { commitAge: 10_000, pageSize: 1024, compression: 'gzip' }
}

/** What the configuration needs to know of the machine. */
export interface Machine {
  /** The host's name as a device id. */
  readonly device: string
  readonly media: Media
  readonly diskBytes: number
}

/** Looks at the disk that holds, or will hold, `dataDir`. */
export async function inspectMachine(
  dataDir: string,
  roots: SystemRoots = { sys: '/sys', proc: '/proc' }
): Promise<Machine> {
  const directory = await nearestDirectory(dataDir)
  const { blocks, bsize } = await statfs(directory)
  return {
    device: deviceName(hostname()),
    media: await mediumOf(directory, roots),
    diskBytes: blocks * bsize
  }
}

/** A host name may hold what a device id may not. */
export function deviceName(host: string): string {
  return host.replace(/[^a-zA-Z0-9_.-]/g, '-').slice(0, 128) || 'device'
}

/** The directory itself, or the nearest above it that is there. */
export async function nearestDirectory(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch {
    return path === dirname(path) ? path : nearestDirectory(dirname(path))
  }
}

/** Bytes, a share of the disk, or `auto`. */
export type Cap = number | { readonly percent: number } | 'auto'

export function capText() {
  return z.codec(z.string().meta({ title: 'size, share or auto' }), z.custom<Cap>(), {
    decode: (text, context): Cap => {
      if (text === 'auto') return text
      const percent = /^(\d{1,2}|100)\s*%$/.exec(text)?.[1]
      if (percent !== undefined) return { percent: Number(percent) }
      return attempt(context, text, () => parseCap(text))
    },
    encode: (cap) => {
      if (cap === 'auto') return cap
      return typeof cap === 'number' ? formatByteSize(cap) : `${cap.percent}%`
    }
  })
}

function parseCap(text: string): number {
  try {
    return parseByteSize(text)
  } catch (cause) {
    const message = 'must be auto, a share of the disk such as "10%", or a size such as "256 MiB"'
    throw new HeadwaterError('config', message, { cause })
  }
}

const autoCapBytes = 256 * 1024 ** 2
/** Half of it must hold the longest line. */
const leastCapBytes = 2 * 1024 ** 2

/** The cap in bytes on a disk of this size. */
export function capBytes(cap: Cap, diskBytes: number): number {
  if (cap === 'auto') {
    return Math.min(autoCapBytes, Math.max(leastCapBytes, Math.floor(diskBytes / 10)))
  }
  const bytes = typeof cap === 'number' ? cap : Math.floor((diskBytes * cap.percent) / 100)
  if (bytes >= leastCapBytes) return bytes
  throw new HeadwaterError(
    'config',
    `buffer.cap: must be at least 2 MiB, here it is ${bytes} bytes`
  )
}

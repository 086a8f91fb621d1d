import { HeadwaterError } from './errors.ts'

const units: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4
}

/** `256 MiB`, `1.5GB` or `65536 B` as whole bytes. Throws `config` naming the text. */
export function parseByteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim())
  const factor = units[match?.[2] ?? '']
  const bytes = Math.floor(Number(match?.[1]) * (factor ?? Number.NaN))
  if (!Number.isSafeInteger(bytes)) {
    throw new HeadwaterError(
      'config',
      `${JSON.stringify(text)} is not a size: write a number and B, KiB, MiB, GiB, kB, MB or GB, as in "256 MiB"`
    )
  }
  return bytes
}

/** The shortest text that `parseByteSize` reads back as the same number. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = units[unit] ?? 1
    if (bytes > 0 && bytes % factor === 0) return `${bytes / factor} ${unit}`
  }
  return `${bytes} B`
}

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import type { Carry } from '../../../agent/carry/entry.ts'
import { type Exported, exportFrames } from '../../../agent/carry/export-frames.ts'
import type { ExportSource } from '../../../agent/carry/export-source.ts'
import { frameOf } from '../../support/stored-frames.ts'

export const carry: Carry = {
  id: '00112233445566778899aabbccddeeff',
  device: 'device-1',
  madeMs: 1_700_000_000_000,
  releases: false
}

/** Frames of one stream that follow each other, two records each. */
export function framesIn(stream: string, count: number): StoredFrame[] {
  return Array.from({ length: count }, (_, i) =>
    frameOf([`${stream} ${2 * i}`, `${stream} ${2 * i + 1}`], { stream, first: 2 * i + 1 })
  )
}

export function sourceOf(frames: readonly StoredFrame[]): ExportSource {
  return {
    bytes: 0,
    problems: [],
    async *frames() {
      for (const { id, ...frame } of frames) yield { frame, wallMs: 1000, id }
    }
  }
}

export function exportTo(
  directory: string,
  frames: readonly StoredFrame[],
  options: { carry?: Partial<Carry>; maxFileBytes?: number; name?: string } = {}
): Promise<Exported> {
  return exportFrames(sourceOf(frames), {
    carry: { ...carry, ...options.carry },
    base: join(directory, options.name ?? 'export'),
    maxFileBytes: options.maxFileBytes ?? 1024 ** 3
  })
}

/** Changes a file as a bad medium does. */
export async function damage(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, change(await readFile(path)))
}

/** Byte `at` of the content is not as it was. */
export function flipped(at: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    bytes[at] = (bytes[at] as number) ^ 0x10
    return bytes
  }
}

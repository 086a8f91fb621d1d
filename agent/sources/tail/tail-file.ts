import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { CutEnd } from '../lines/line-cutter.ts'
import { Archive, type Content } from './archive.ts'
import { archiveKey, keyOfStat, type Sighting } from './file-finder.ts'
import { isAnother } from './is-another.ts'
import { type Position, startAfter } from './position.ts'
import { type Resumed, resume } from './resume.ts'

const endOrder: readonly CutEnd[] = ['more', 'idle', 'end']

/** One file that is followed, under whatever name: where it is, how far it was read, how it stands. */
export class TailFile {
  key: string
  /** Files of one home are read in the order of their ranks; one that was emptied gets a new one. */
  rank: number
  position: Position
  /** It holds the same as the original so far, and is not read until that one goes another way. */
  copyOf: { readonly original: TailFile; readonly emptied: Position | undefined } | undefined
  /** Where it was seen last; undefined when the last scan did not find it. */
  sighting: Sighting | undefined
  readonly state = {
    /** As of the last look; -1 before the first. */
    size: -1,
    mtimeMs: -1,
    /** No name leads to it any more. */
    deleted: false,
    /** When it was last seen to change, on the monotonic clock. */
    changedMs: 0,
    /** It was found emptied, and its copies, which come before it, were not looked for yet. */
    emptied: false,
    /** How often the copy of what it held before it was emptied is to be looked for yet. */
    seeks: 0,
    /** Since its copies were looked for last. */
    changedSinceScan: true,
    /** It may have changed since the last look. */
    dirty: true,
    /** Another file was found where it was seen, and no scan looked for it since. */
    mislaid: false,
    /** Why it cannot be read; reported once. */
    problem: '',
    /** A file that came after others of its home waits until they are drained. */
    waits: false
  }
  #handle: Content | undefined
  /** What could not be cut without more bytes, and under which end that was tried. */
  #stalled: CutEnd | undefined

  constructor(key: string, rank: number, position: Position) {
    this.key = key
    this.rank = rank
    this.position = position
  }

  get home(): string {
    return this.position.home
  }

  get isOpen(): boolean {
    return this.#handle !== undefined
  }

  /** Bytes that are known to be there and are not read. */
  get behindBytes(): number {
    return Math.max(0, this.state.size - this.position.offset)
  }

  /** Whether nothing is left but what waits for its end. */
  get drained(): boolean {
    return !this.state.dirty && (this.behindBytes === 0 || this.#stalled !== undefined)
  }

  /** Whether it is no more than a memory: nothing asks for it, and nothing of it is left to read. */
  get isSpent(): boolean {
    const { sighting, state } = this
    if (this.copyOf) return false
    if (!sighting && !this.isOpen) return true
    return !sighting?.matched && state.problem === '' && !state.dirty && this.behindBytes === 0
  }

  /** Whether a scan need not look for it: it is done with, and what it follows did not change. */
  get isAtRest(): boolean {
    return this.isSpent && (this.sighting !== undefined || !this.isOpen)
  }

  /** Whether copies of it may have been made since they were looked for last. */
  get mayHaveCopies(): boolean {
    return this.state.emptied || (this.isUnreadSinceEmptied && this.state.changedSinceScan)
  }

  /** Whether it was emptied where it is, and nothing was read of what was written to it since. */
  get isUnreadSinceEmptied(): boolean {
    const { home, offset, emptied } = this.position
    return emptied !== undefined && offset === 0 && this.sighting?.path === home
  }

  /** Whether a cut under `end` may bring something. */
  canCut(end: CutEnd): boolean {
    if (this.behindBytes === 0) return false
    return this.#stalled === undefined || endOrder.indexOf(end) > endOrder.indexOf(this.#stalled)
  }

  sighted(sighting: Sighting | undefined): void {
    const { state } = this
    this.sighting = sighting
    state.mislaid = false
    if (!sighting) return
    if (sighting.size !== state.size || sighting.mtimeMs !== state.mtimeMs) state.dirty = true
  }

  /** Opens the file where it was seen. Rejects as `open` does, or when another file is there now. */
  async open(): Promise<void> {
    if (this.#handle) return
    if (!this.sighting) throw new Error('no path leads to this file')
    // Not blocking: a pipe that took the place of the file must not hold up a thread.
    const handle = await open(this.sighting.path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await handle.stat({ bigint: true })
    const { archive } = this.sighting
    const key = keyOfStat(stat)
    const mtimeMs = Number(stat.mtimeNs) / 1e6
    const bornMs = Number(stat.birthtimeNs) / 1e6
    const isOther = isAnother({ archive, madeMs: mtimeMs, bornMs }, this.position)
    if ((archive ? archiveKey(key) : key) !== this.key || isOther) {
      await handle.close()
      throw Object.assign(new Error('another file took its place'), { code: 'ENOENT' })
    }
    this.#handle = archive ? await Archive.open(handle, this.position.offset) : handle
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  /** Learns size and changes of the open file. Undefined when nothing changed since the last look. */
  async look(nowMs: number): Promise<Resumed['change'] | undefined> {
    const stat = await this.#opened().stat({ bigint: true })
    const { state } = this
    const size = Number(stat.size)
    const mtimeMs = Number(stat.mtimeNs) / 1e6
    state.deleted = stat.nlink === 0n
    state.dirty = false
    if (size === state.size && mtimeMs === state.mtimeMs) return undefined
    const resumed = await resume((offset, length) => this.read(offset, length), this.position, {
      size,
      watched: state.size !== -1
    })
    Object.assign(state, { size, mtimeMs, changedMs: nowMs, changedSinceScan: true })
    state.emptied ||= resumed.change === 'rewritten'
    this.position =
      resumed.change === 'rewritten' ? startAfter(this.position, mtimeMs) : resumed.position
    this.#stalled = undefined
    return resumed.change
  }

  /** A copy of up to `length` bytes; fewer at the end of the file. */
  async read(offset: number, length: number): Promise<Buffer> {
    return length === 0 ? Buffer.alloc(0) : this.readInto(Buffer.allocUnsafe(length), offset)
  }

  /** Fills `buffer` from `offset`, as far as the file goes; resolves with the part that was filled. */
  async readInto(buffer: Buffer, offset: number): Promise<Buffer> {
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await this.#opened().read(buffer.subarray(filled), {
        position: offset + filled
      })
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  }

  moveTo(position: Position): void {
    this.position = position
    this.#stalled = undefined
  }

  stalledUnder(end: CutEnd): void {
    this.#stalled = end
  }

  #opened(): Content {
    if (!this.#handle) throw new Error('the file is not open')
    return this.#handle
  }
}

import type { TailFile } from './tail-file.ts'

/**
 * Bounds the open files. The one that was used longest ago gives way, but never one that no path
 * leads to, which could not be opened again.
 */
export class HandlePool {
  readonly #limit: number
  /** In the order of their last use. */
  readonly #open = new Set<TailFile>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The file is open afterwards. Resolves with false when no other file can give way. */
  async use(file: TailFile): Promise<boolean> {
    if (!file.isOpen && !(await this.#makeRoom())) return false
    await file.open()
    this.#open.delete(file)
    this.#open.add(file)
    return true
  }

  async release(file: TailFile): Promise<void> {
    this.#open.delete(file)
    await file.close()
  }

  async close(): Promise<void> {
    for (const file of this.#open) await file.close()
    this.#open.clear()
  }

  async #makeRoom(): Promise<boolean> {
    if (this.#open.size < this.#limit) return true
    for (const file of this.#open) {
      if (!file.sighting || file.state.deleted) continue
      await this.release(file)
      return true
    }
    return false
  }
}

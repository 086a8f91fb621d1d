import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../../../shared/errors.ts'
import { isName } from '../../../shared/record.ts'
import { syncDirectory } from './segment-files.ts'
import { Serial } from './serial.ts'
import { decodeDefinition, type StreamDefinition } from './stream-definition.ts'
import { StreamLog } from './stream-log.ts'
import type { StoreContext } from './store-context.ts'
import { StreamStore } from './stream-store.ts'

/** All streams of an engine: `streams/<name>/`, one directory each, and the catalog that lists them. */
export class StreamDirectory {
  readonly #path: string
  readonly #context: StoreContext
  readonly #stores = new Map<string, StreamStore>()
  /** Creations and deletions, one at a time. */
  readonly #turns = new Serial()

  private constructor(path: string, context: StoreContext) {
    this.#path = path
    this.#context = context
  }

  /** `check`: the last life did not end well. Streams that the catalog has lost are found again. */
  static async open(path: string, context: StoreContext, check: boolean): Promise<StreamDirectory> {
    const directory = new StreamDirectory(path, context)
    await mkdir(path, { recursive: true })
    await syncDirectory(dirname(path))
    try {
      await directory.#openAll(check || context.catalog.fresh)
      return directory
    } catch (thrown) {
      await directory.close()
      throw thrown
    }
  }

  get names(): string[] {
    return [...this.#stores.keys()].sort()
  }

  get stores(): Iterable<StreamStore> {
    return this.#stores.values()
  }

  /** Throws `unknown_stream`, naming those that exist. */
  require(name: string): StreamStore {
    const store = this.#stores.get(name)
    if (store) return store
    const known = this.names.slice(0, 20).join(', ') || 'none yet'
    throw new HeadwaterError('unknown_stream', `no stream "${name}"; there are: ${known}`)
  }

  /** Rejects with `conflict` when it exists. */
  create(definition: StreamDefinition): Promise<void> {
    const { name } = definition
    return this.#turns.run(async () => {
      if (this.#stores.has(name)) {
        throw new HeadwaterError('conflict', `stream "${name}" exists already`)
      }
      await this.#context.catalog.saveStream(definition)
      const store = await this.#openStore(definition, false)
      await store.begin()
    })
  }

  /** Rejects with `unknown_stream`. */
  delete(name: string): Promise<void> {
    return this.#turns.run(async () => {
      const store = this.require(name)
      await this.#context.catalog.markDeleted(name)
      this.#stores.delete(name)
      await store.close()
      await this.#remove(name)
    })
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {
      const results = await Promise.allSettled([...this.stores].map((store) => store.close()))
      const errors = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      if (errors.length > 0) throw new AggregateError(errors, 'streams did not close well')
    })
  }

  async #openAll(check: boolean): Promise<void> {
    const { kept, deleted } = await this.#context.catalog.streams()
    for (const name of deleted) await this.#remove(name)
    const orphans = new Set((await readdir(this.#path)).filter(isName))
    for (const definition of kept) orphans.delete(definition.name)
    const logs = new Map<StreamDefinition, StreamLog>()
    try {
      for (const definition of kept) {
        const log = await this.#openLog(definition.name, check)
        logs.set(await this.#newerOf(definition, log), log)
      }
      for (const name of orphans) await this.#adopt(name, logs)
      // The ranges are known to be free only when every stream has said what it uses.
      const ends = [...logs.values()].map((log) => log.memory.end)
      await this.#context.catalog.raiseRanges(Math.max(0, ...ends))
    } catch (thrown) {
      for (const log of logs.values()) await log.close()
      throw thrown
    }
    for (const [definition, log] of logs) this.#add(definition, log)
  }

  /** A damaged catalog may have gone back in time, behind a split that its segments know of. */
  async #newerOf(definition: StreamDefinition, log: StreamLog): Promise<StreamDefinition> {
    const body = await log.loadDefinition()
    const copy = body && decodeDefinition(body)
    if (!copy || copy.shards.version <= definition.shards.version) return definition
    this.#context.log.error(
      { stream: definition.name },
      'the catalog has lost a change of the shards; it is taken from the segments'
    )
    const newer = { ...copy, name: definition.name }
    await this.#context.catalog.saveStream(newer)
    return newer
  }

  /** A directory that the catalog does not know: its newest segment has a copy of the definition. */
  async #adopt(name: string, logs: Map<StreamDefinition, StreamLog>): Promise<void> {
    const log = await this.#openLog(name, true)
    const body = await log.loadDefinition()
    if (!body) {
      await log.close()
      this.#context.log.error(
        { stream: name },
        'a stream without a readable definition is left alone'
      )
      return
    }
    const definition = { ...decodeDefinition(body), name }
    await this.#context.catalog.saveStream(definition)
    this.#context.log.warn({ stream: name }, 'a stream missing in the catalog was found again')
    logs.set(definition, log)
  }

  async #openLog(name: string, check: boolean): Promise<StreamLog> {
    const path = join(this.#path, name)
    await mkdir(path, { recursive: true })
    await syncDirectory(this.#path)
    const context = { ...this.#context, log: this.#context.log.child({ stream: name }) }
    const log = await StreamLog.open(path, context, check)
    this.#context.age.raise(log.memory.ageMs)
    return log
  }

  async #openStore(definition: StreamDefinition, check: boolean): Promise<StreamStore> {
    return this.#add(definition, await this.#openLog(definition.name, check))
  }

  #add(definition: StreamDefinition, log: StreamLog): StreamStore {
    const store = new StreamStore(definition, log, this.#context)
    this.#stores.set(definition.name, store)
    return store
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#path, name), { recursive: true, force: true })
    await this.#context.catalog.forgetStream(name)
  }
}

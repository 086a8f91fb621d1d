import type { Kinesis } from '@aws-sdk/client-kinesis'
import { HeadwaterError } from '../../../shared/errors.ts'
import { type KinesisAccess, type KinesisCalls, openKinesis } from './kinesis-calls.ts'
import { serviceError } from './service-error.ts'

/** One Kinesis: its clients from start to close, and their errors as ours. */
export class Service {
  readonly #access: KinesisAccess
  #calls: KinesisCalls | undefined

  constructor(access: KinesisAccess) {
    this.#access = access
  }

  async open(): Promise<void> {
    this.#calls ??= await openKinesis(this.#access)
  }

  async close(): Promise<void> {
    const calls = this.#calls
    this.#calls = undefined
    await calls?.close()
  }

  /** `run` with the client that attempts again. Rejects as `serviceError` says. */
  call<T>(operation: string, run: (kinesis: Kinesis) => Promise<T>, stream?: string): Promise<T> {
    return this.#run({ operation, ...(stream === undefined ? {} : { stream }) }, () =>
      run(this.#open().calls)
    )
  }

  /** `run` with the client that attempts once. Rejects as `serviceError` says. */
  once<T>(operation: string, run: (kinesis: Kinesis) => Promise<T>, stream: string): Promise<T> {
    return this.#run({ operation, stream }, () => run(this.#open().puts))
  }

  async #run<T>(
    call: { readonly operation: string; readonly stream?: string },
    run: () => Promise<T>
  ): Promise<T> {
    try {
      return await run()
    } catch (thrown) {
      const { region, endpoint } = this.#access
      throw serviceError(thrown, {
        ...call,
        region,
        ...(endpoint === undefined ? {} : { endpoint })
      })
    }
  }

  #open(): KinesisCalls {
    if (this.#calls) return this.#calls
    throw new HeadwaterError('unavailable', 'the engine is not running')
  }
}

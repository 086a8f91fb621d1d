import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../../shared/errors.ts'

const run = promisify(execFile)
const maxRunMs = 5000

export const edges = ['rising', 'falling', 'both'] as const
export const biases = ['as-is', 'pull-up', 'pull-down', 'disabled'] as const

/** What is watched. */
export interface Watch {
  readonly chip: string
  /** Offsets on the chip. */
  readonly lines: readonly number[]
  readonly edge: (typeof edges)[number]
  readonly bias: (typeof biases)[number]
  readonly activeLow: boolean
  /** 0: every edge. */
  readonly debounceMs: number
}

export interface Edge {
  readonly line: number
  readonly edge: 'rising' | 'falling'
  /** As the kernel stamped it, on the clock that `gpiomon` had it use. */
  readonly seconds: number
  readonly nanoseconds: number
}

/**
 * 1 or 2: the generations of libgpiod have different options. `env` is all that the environment of
 * the command holds. Rejects with `config`.
 */
export async function versionOf(
  command: string,
  env: Readonly<Record<string, string>>
): Promise<1 | 2> {
  const { stdout } = await run(command, ['--version'], { env, timeout: maxRunMs }).catch(
    (cause: unknown) => {
      const hint = 'install gpiomon (Debian: apt install gpiod) or name it with command:'
      throw new HeadwaterError('config', `${command} cannot be run; ${hint}`, { cause })
    }
  )
  const major = Number(/\bv(\d+)\./.exec(stdout)?.[1])
  if (major === 1) return 1
  if (major >= 2) return 2
  const says = JSON.stringify(stdout.slice(0, 100))
  throw new HeadwaterError('config', `${command} --version names no version of libgpiod: ${says}`)
}

/**
 * Arguments that make gpiomon print `parseEdge`'s lines. libgpiod 2 is told to use the wall clock;
 * libgpiod 1 gives what the kernel has: the monotonic clock since Linux 5.7, the wall clock before.
 */
export function argumentsFor(version: 1 | 2, watch: Watch): string[] {
  const lines = watch.lines.map(String)
  const bias = watch.bias === 'as-is' ? [] : [watch.bias]
  const activeLow = watch.activeLow ? ['--active-low'] : []
  if (version === 2) {
    return [
      ...['--chip', watch.chip, '--edges', watch.edge, '--event-clock', 'realtime'],
      ...bias.flatMap((one) => ['--bias', one]),
      ...activeLow,
      ...(watch.debounceMs > 0 ? ['--debounce-period', `${watch.debounceMs}ms`] : []),
      ...['--format', '%e %o %S', ...lines]
    ]
  }
  if (watch.debounceMs > 0) {
    throw new HeadwaterError('config', 'debounce needs gpiomon of libgpiod 2; this is libgpiod 1')
  }
  return [
    '--line-buffered',
    ...(watch.edge === 'both' ? [] : [`--${watch.edge}-edge`]),
    ...bias.map((one) => `--bias=${one === 'disabled' ? 'disable' : one}`),
    ...activeLow,
    ...['--format=%e %o %s %n', watch.chip, ...lines]
  ]
}

/** `1 17 81234.000056789` of libgpiod 2, `1 17 81234 56789` of libgpiod 1; undefined for anything else. */
export function parseEdge(line: string): Edge | undefined {
  const match = /^([012]) (\d{1,9}) +(\d{1,12})[. ](\d{1,9})$/.exec(line)
  if (!match) return undefined
  const [, edge, offset, seconds, nanoseconds] = match
  return {
    line: Number(offset),
    // Falling is 0 in libgpiod 1 and 2 in libgpiod 2.
    edge: edge === '1' ? 'rising' : 'falling',
    seconds: Number(seconds),
    nanoseconds: Number(nanoseconds)
  }
}

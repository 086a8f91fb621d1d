import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import type { TailOptions } from '../../../../agent/sources/tail/tail-options.ts'
import { LogWriter } from '../../../support/log-writer.ts'
import { SourceBench } from '../../../support/source-bench.ts'

interface Step {
  readonly do: string
  readonly amount: number
}

function steps(kinds: readonly string[]): fc.Arbitrary<Step[]> {
  const kind = fc.constantFrom(...kinds)
  const amount = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 60 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3000, max: 6000 }) }
  )
  return fc.array(fc.record({ do: kind, amount }), { minLength: 1, maxLength: 25 })
}

/** The tail of one log, and all that can happen to it. */
class Trial {
  readonly log: LogWriter
  readonly #bench: SourceBench<TailOptions>
  readonly #options: object
  #copies = 0
  /** What was written and lost with the power, after it had been sent. */
  readonly lost: string[] = []

  constructor(log: LogWriter, bench: SourceBench<TailOptions>, options: object) {
    this.log = log
    this.#bench = bench
    this.#options = options
  }

  get texts(): readonly string[] {
    return this.#bench.appender.texts
  }

  start(): void {
    if (!this.#bench.running) this.#bench.start(this.#options)
  }

  /** Resolves when every whole line was committed. */
  async catchUp(): Promise<void> {
    this.#bench.appender.automatic = true
    await this.#bench.until(() => {
      this.start()
      this.#bench.appender.commit()
      return this.texts.length >= this.log.total + this.lost.length
    }, 500)
  }

  async take(step: Step): Promise<void> {
    const { log } = this
    const bench = this.#bench
    switch (step.do) {
      case 'write':
        return log.write(step.amount)
      case 'late':
        return log.write(1, 'previous')
      case 'part':
        return log.writePart()
      case 'pass':
        // Shorter in all than the time after which a moved file's last part is sent.
        return bench.pass(Math.min(step.amount, 40) * 50)
      case 'rename':
        return log.rename()
      case 'recreate':
      case 'truncate':
        // Bytes that are gone before they were read cannot be had.
        await log.completeLines()
        await this.catchUp()
        return step.do === 'recreate' ? log.recreate() : log.truncate()
      case 'copytruncate':
        await log.completeLines()
        await this.catchUp()
        return log.truncate(`app.log.${100 + step.amount}`)
      case 'logrotate':
        await log.completeLines()
        this.#copies += 1
        return log.truncate(`app.log.${this.#copies}`)
      case 'hold':
        bench.appender.automatic = false
        return
      case 'commit':
        bench.appender.automatic = true
        return bench.appender.commit()
      case 'fail':
        return bench.appender.failNext()
      case 'stop':
        return bench.stop()
      case 'crash':
        return bench.crash()
      case 'power': {
        await log.completeLines()
        await log.write(48)
        await this.catchUp()
        await bench.crash()
        this.lost.push(...(await log.loseEnd(step.amount % 48)))
        return
      }
    }
  }
}

const harmless = [
  'write',
  'write',
  'write',
  'pass',
  'pass',
  'hold',
  'commit',
  'fail',
  'stop',
  'crash'
]
const trials: readonly {
  name: string
  glob: string
  kinds: readonly string[]
  /** What was written first arrives first, whatever file it comes from. */
  inOneRow?: boolean
}[] = [
  { name: 'by rename', glob: 'app.log', kinds: [...harmless, 'part', 'late', 'rename'] },
  {
    name: 'by rename, all names matched',
    glob: 'app.log*',
    kinds: [...harmless, 'part', 'rename']
  },
  {
    name: 'by any of four kinds',
    glob: 'app.log',
    kinds: [...harmless, 'rename', 'recreate', 'truncate', 'copytruncate']
  },
  {
    name: 'by copies that are matched too',
    glob: 'app.log*',
    kinds: [...harmless, 'truncate', 'copytruncate']
  },
  {
    name: 'by copies that are made whatever was read',
    glob: 'app.log',
    kinds: [...harmless, 'logrotate'],
    inOneRow: true
  },
  {
    name: 'by copies that are made whatever was read, and matched too',
    glob: 'app.log*',
    kinds: [...harmless, 'logrotate'],
    inOneRow: true
  },
  {
    name: 'and a power cut that takes up to 47 lines',
    glob: 'app.log',
    kinds: [...harmless, 'power']
  }
]

for (const { name, glob, kinds, inOneRow } of trials) {
  test(`each line arrives once and in order through crashes and rotation ${name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(steps(kinds), async (list) => {
        const directory = await mkdtemp(join(tmpdir(), 'headwater-test-'))
        const log = await LogWriter.create(directory)
        const bench = new SourceBench(t, tail)
        const options = { tail: join(directory, glob), from: 'start' }
        const trial = new Trial(log, bench, options)
        try {
          // Rotation can only be followed from a file that was seen.
          await log.write(kinds.includes('power') ? 60 : 1)
          await trial.catchUp()
          for (const step of list) await trial.take(step)
          await log.completeLines()
          await trial.catchUp()
          await bench.pass(1000)
          assertOnceInOrder(trial)
          if (inOneRow) assert.deepEqual(trial.texts, log.generations.flat())
        } finally {
          await bench.stop()
          await log.close()
          await rm(directory, { recursive: true })
        }
      }),
      { numRuns: 30, includeErrorInReport: true, interruptAfterTimeLimit: 60_000 }
    )
  })
}

function assertOnceInOrder({ texts, log, lost }: Trial): void {
  const at = new Map(texts.map((text, i) => [text, i]))
  assert.equal(at.size, texts.length, 'a line arrived twice')
  for (const lines of log.generations) {
    let before = -1
    for (const line of lines) {
      const place = at.get(line)
      assert.ok(place !== undefined, `did not arrive: ${line}`)
      assert.ok(place > before, `out of order: ${line}`)
      before = place
    }
  }
  assert.equal(texts.length, log.total + lost.length)
}

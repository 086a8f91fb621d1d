import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

sourceContract('tail', async (t) => {
  const path = join(await tempDir(t), 'app.log')
  let number = 0
  return {
    bench: new SourceBench(t, tail),
    options: { tail: path, from: 'start' },
    rewindable: true,
    produce: async (count) => {
      for (let i = 0; i < count; i++) await appendFile(path, `line ${number++}\n`)
    }
  }
})

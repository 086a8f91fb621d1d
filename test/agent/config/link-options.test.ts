import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { linkOptions } from '../../../agent/config/link-options.ts'
import { loadAgentConfig } from '../../../agent/config.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function problem(t: TestContext, link: string): Promise<string> {
  const file = join(await tempDir(t), 'agent.yaml')
  await writeFile(file, `to: http://a\nsources: { a: { stdin: true } }\nlink: ${link}\n`)
  return loadAgentConfig({ file, env: {} }).then(
    () => '',
    (error: Error) => error.message
  )
}

test('without a word about the link nothing is limited', () => {
  assert.deepEqual(linkOptions.parse({}), {
    budget: { reserve: 0.1, counts: 'all' },
    quietHours: [],
    metered: 'auto'
  })
})

test('what is written is read, and written back as it was', () => {
  for (const metered of ['auto', true, false, { interfaces: ['wwan*', 'eth1'] }]) {
    const written = {
      budget: { day: '20 MB', month: '200 MB', reserve: '7%', counts: 'metered' },
      quietHours: ['22:00-06:00', '12:00-24:00'],
      metered,
      timeZone: 'Europe/Vienna'
    }
    const link = linkOptions.parse(written)
    assert.deepEqual([link.budget.day, link.budget.reserve], [20_000_000, 0.07])
    assert.deepEqual(link.quietHours[0], { from: 22 * 60, to: 6 * 60 })
    assert.deepEqual(linkOptions.parse(z.encode(linkOptions, link)), link)
    assert.deepEqual(z.encode(linkOptions, link).quietHours, written.quietHours)
  }
})

const mistakes = [
  ['{ budget: { day: 20 } }', /link\.budget\.day: must be a size/],
  ['{ budget: { day: 0 B } }', /link\.budget\.day: must be at least 1 B/],
  ['{ budget: { week: 1 MB } }', /link\.budget\.week: unknown key/],
  ['{ budget: { reserve: "0.1" } }', /link\.budget\.reserve: must be a share such as "10%"/],
  ['{ quietHours: ["22-6"] }', /link\.quietHours\[0\]: "22-6" are no quiet hours/],
  ['{ quietHours: [22] }', /link\.quietHours\[0\]: must be hours such as "22:00-06:00"/],
  ['{ metered: { interfaces: [] } }', /link\.metered/],
  ['{ metered: maybe }', /link\.metered/],
  ['{ timeZone: Vienna }', /link\.timeZone: must be the name of a time zone/]
] as const

for (const [link, message] of mistakes) {
  test(`a mistake is named: link: ${link}`, async (t) => {
    assert.match(await problem(t, link), message)
  })
}

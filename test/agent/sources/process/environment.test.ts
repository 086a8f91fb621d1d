import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gpio } from '../../../../agent/sources/gpio/gpio.ts'
import { gps } from '../../../../agent/sources/gps/gps.ts'
import { harmlessPart } from '../../../../agent/sources/process/environment.ts'
import { sensors } from '../../../../agent/sources/sensors/sensors.ts'
import { serial } from '../../../../agent/sources/serial/serial.ts'
import type { SourceType } from '../../../../agent/sources/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

/** Writes down what it sees each time it is run, a line of JSON, and fails unless asked its version. */
function script(path: string): string {
  return `#!${process.execPath}
require('node:fs').appendFileSync('${path}', JSON.stringify(process.env) + '\\n')
if (process.argv[2] === '--version') console.log('gpiomon (libgpiod) v2.1.3')
else process.exitCode = 1
`
}

/** What `program` saw, each of the first `runs` times that the source ran it. */
async function seenBy<Options>(
  t: TestContext,
  type: SourceType<Options>,
  { program, written, runs }: { program: string; written: object; runs: number }
) {
  const folder = await tempDir(t)
  const seen = join(folder, 'seen')
  await writeFile(join(folder, program), script(seen))
  await chmod(join(folder, program), 0o755)
  const PATH = [folder, '/usr/bin', '/bin'].join(delimiter)
  const environment = { PATH, HOME: '/home/pi', LC_TIME: 'C', HEADWATER_TOKEN: 'secret' }
  const bench = new SourceBench(t, type, { environment })
  bench.start(written)
  let lines: readonly string[] = []
  while (lines.length < runs) {
    await bench.until(() => existsSync(seen))
    lines = (await readFile(seen, 'utf8')).split('\n').slice(0, -1)
  }
  const harmless = { PATH, HOME: '/home/pi', LC_TIME: 'C' }
  return { environments: lines.slice(0, runs).map((line) => JSON.parse(line)), harmless }
}

test('of an environment what programs need is passed on, and nothing else', () => {
  const harmless = { PATH: '/bin', HOME: '/', LANG: 'de_DE.UTF-8', LC_ALL: 'C', TZ: 'UTC' }
  const secret = { HEADWATER_TOKEN: 'a', AWS_SECRET_ACCESS_KEY: 'b', CREDENTIALS_DIRECTORY: 'c' }
  assert.deepEqual(harmlessPart({ ...harmless, ...secret, USER: undefined }), harmless)
  assert.deepEqual(harmlessPart(undefined), {})
})

test('gpiomon sees no secret of the agent, neither asked for its version nor while it watches', async (t) => {
  const written = { gpio: 'gpiochip0', lines: [17] }
  const run = { program: 'gpiomon', written, runs: 2 }
  const { environments, harmless } = await seenBy(t, gpio, run)
  assert.deepEqual(environments, [harmless, harmless])
})

test('vcgencmd sees no secret of the agent', async (t) => {
  const written = { sensors: '100ms', sysRoot: await tempDir(t) }
  const run = { program: 'vcgencmd', written, runs: 1 }
  const { environments, harmless } = await seenBy(t, sensors, run)
  assert.deepEqual(environments, [harmless])
})

test('stty sees no secret of the agent, and is made to complain in English', async (t) => {
  const run = { program: 'stty', written: { serial: '/dev/ttyS98' }, runs: 1 }
  const ofSerial = await seenBy(t, serial, run)
  assert.deepEqual(ofSerial.environments, [{ ...ofSerial.harmless, LC_ALL: 'C' }])
  const ofGps = await seenBy(t, gps, { ...run, written: { gps: '/dev/ttyS98' } })
  assert.deepEqual(ofGps.environments, [{ ...ofGps.harmless, LC_ALL: 'C' }])
})

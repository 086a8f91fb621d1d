// A program that logs: `node logging-program.mjs FILE REOPENED PER-SECOND`. It writes numbered lines,
// opens its file anew on SIGUSR1, as after a rotation, and makes the file REOPENED then; on SIGUSR2 it
// holds its breath until the next one. On SIGTERM it says how many lines it wrote, and ends.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const [path, reopened] = process.argv.slice(2)
const perSecond = Number(process.argv[4])
const ticksPerSecond = 50
let descriptor = openSync(path, 'a')
let holds = false
let ends = false
process.on('SIGUSR1', () => {
  closeSync(descriptor)
  descriptor = openSync(path, 'a')
  writeFileSync(reopened, '')
})
process.on('SIGUSR2', () => {
  holds = !holds
  process.stdout.write(holds ? 'holds\n' : 'goes on\n')
})
process.on('SIGTERM', () => {
  ends = true
})
let number = 1
while (!ends) {
  await delay(1000 / ticksPerSecond)
  if (holds) continue
  let text = ''
  for (let i = 0; i < perSecond / ticksPerSecond; i++, number++) {
    text += `line ${number} ${'of a busy server '.repeat(number % 7)}\n`
  }
  writeSync(descriptor, text)
}
process.stdout.write(`${number - 1}\n`)

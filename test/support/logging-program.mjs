// A program that logs: `node logging-program.mjs FILE LINES PER-SECOND`. It writes numbered lines, opens
// its file anew on SIGUSR1, as after a rotation, and on SIGUSR2 holds its breath until the next one.
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const [path, lines, perSecond] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const ticksPerSecond = 50
let descriptor = openSync(path, 'a')
let holds = false
process.on('SIGUSR1', () => {
  closeSync(descriptor)
  descriptor = openSync(path, 'a')
})
process.on('SIGUSR2', () => {
  holds = !holds
  process.stdout.write(holds ? 'holds\n' : 'goes on\n')
})
for (let number = 1; number <= lines; ) {
  await delay(1000 / ticksPerSecond)
  if (holds) continue
  let text = ''
  for (let i = 0; i < perSecond / ticksPerSecond && number <= lines; i++, number++) {
    text += `line ${number} ${'of a busy server '.repeat(number % 7)}\n`
  }
  writeSync(descriptor, text)
}
process.stdout.write('done\n')

import { chmod, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cleanUp } from '../../../support/cleanup.ts'
import { tempDir } from '../../../support/temp-dir.ts'

/** Prints what comes on a connection to the test, and ends with it. */
function script(port: number, version: string, argsFile: string): string {
  return `#!${process.execPath}
const args = process.argv.slice(2)
if (args[0] === '--version') { console.log('gpiomon (libgpiod) v${version}'); process.exit() }
require('node:fs').writeFileSync(${JSON.stringify(argsFile)}, JSON.stringify(args))
const socket = require('node:net').connect(${port}, '127.0.0.1')
socket.on('data', (text) => {
  if (String(text).startsWith('fail')) { console.error('gpiomon: ' + text); process.exit(1) }
  process.stdout.write(text, () => socket.write('printed'))
})
`
}

/** A gpiomon whose output the test writes. */
export class FakeGpiomon {
  readonly command: string
  readonly #folder: string
  readonly #server: Server
  #sockets: Socket[] = []
  #arrived: (() => void) | undefined

  private constructor(folder: string, server: Server) {
    this.#folder = folder
    this.#server = server
    this.command = join(folder, 'gpiomon')
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets = this.#sockets.filter((one) => one !== socket)
      })
      this.#sockets.push(socket)
      this.#arrived?.()
    })
  }

  static async start(t: TestContext, version = '2.1.3'): Promise<FakeGpiomon> {
    const folder = await tempDir(t)
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const fake = new FakeGpiomon(folder, server)
    cleanUp(t, () => fake.#close())
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    await writeFile(fake.command, script(port, version, join(folder, 'args')))
    await chmod(fake.command, 0o755)
    return fake
  }

  /** How many run now. */
  get running(): number {
    return this.#sockets.length
  }

  /** Prints `text`, once one runs; resolves when it is printed, or the command has ended of it. */
  async print(text: string): Promise<void> {
    while (this.#sockets.length === 0) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
    const socket = this.#sockets.at(-1)
    if (!socket) return
    const settled = new Promise<void>((resolve) => {
      socket.once('data', () => resolve()).once('close', () => resolve())
    })
    socket.write(text)
    await settled
  }

  async args(): Promise<unknown> {
    return JSON.parse(await readFile(join(this.#folder, 'args'), 'utf8'))
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

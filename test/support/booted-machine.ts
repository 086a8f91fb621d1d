import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { cleanUp } from './cleanup.ts'
import { eventually } from './programs.ts'
import { tempDir } from './temp-dir.ts'

const execute = promisify(execFile)

/** Held while a machine runs: two of them would share a control group. */
const turn = '/run/lock/headwater-test-machine'

/**
 * A container has a boot id of its own, but a unit with a /proc of its own sees that of the host.
 * On a machine there is one, by which `journalctl --follow` finds the entries of this boot.
 */
const oneBootId = `[Unit]
DefaultDependencies=no
Before=systemd-journald.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=umount /proc/sys/kernel/random/boot_id
`

/**
 * A machine that systemd boots: the file system of this one, with every change kept apart and gone
 * with the test, no service enabled, and no network but its own loopback. For root.
 */
export class BootedMachine {
  readonly #root: string
  #container: ChildProcess | undefined

  private constructor(root: string) {
    this.#root = root
  }

  static async create(t: TestContext): Promise<BootedMachine> {
    const folder = await tempDir(t)
    const [upper, work, root] = [join(folder, 'upper'), join(folder, 'work'), join(folder, 'root')]
    for (const path of [upper, work, root]) await mkdir(path)
    const layers = `lowerdir=/,upperdir=${upper},workdir=${work}`
    await execute('mount', ['-t', 'overlay', 'overlay', '-o', layers, root])
    cleanUp(t, () => execute('umount', [root]))
    const machine = new BootedMachine(root)
    cleanUp(t, () => machine.cutPower())
    await machine.#empty()
    return machine
  }

  /** The path on this machine of one of that machine. */
  path(path: string): string {
    return join(this.#root, path)
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true })
    await writeFile(this.path(path), text)
  }

  async append(path: string, text: string): Promise<void> {
    await appendFile(this.path(path), text)
  }

  async boot(): Promise<void> {
    const alone = ['--register=no', '--keep-unit', '--private-network', '--console=pipe']
    const command = ['systemd-nspawn', '--boot', '-D', this.#root, ...alone]
    this.#container = spawn('flock', ['--no-fork', turn, ...command], { stdio: 'ignore' })
    await eventually(
      'the machine is up',
      async () => {
        const { stdout } = await this.#enter(['systemctl', 'is-system-running']).catch(
          (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' })
        )
        return /^(running|degraded)/.test(stdout) || undefined
      },
      5 * 60_000
    )
  }

  /** All processes end at once; what they wrote stays. */
  async cutPower(): Promise<void> {
    const container = this.#container
    this.#container = undefined
    if (!container) return
    const ended = once(container, 'exit')
    const first = await this.#firstProcess(container).catch(() => undefined)
    if (first === undefined) container.kill('SIGKILL')
    else process.kill(first, 'SIGKILL')
    await ended
  }

  /** What the command prints, run there by root. Rejects with all it said when it fails. */
  async run(file: string, ...args: readonly string[]): Promise<string> {
    return (await this.#enter([file, ...args])).stdout
  }

  async #enter(command: readonly string[]): Promise<{ readonly stdout: string }> {
    if (!this.#container) throw new Error('the machine is off')
    const first = await this.#firstProcess(this.#container)
    const all = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd']
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' }
    const options = { env, maxBuffer: 2 ** 26 }
    return execute('nsenter', [`--target=${first}`, ...all, '--', ...command], options)
  }

  async #firstProcess({ pid }: ChildProcess): Promise<number> {
    return Number((await execute('pgrep', ['--parent', String(pid)])).stdout.trim())
  }

  /** Nothing that was set up on this machine is to start there, or to have written its journal. */
  async #empty(): Promise<void> {
    const units = '/etc/systemd/system'
    for (const path of [units, '/var/log/journal', '/usr/sbin/policy-rc.d', '/etc/fstab']) {
      await rm(this.path(path), { recursive: true, force: true })
    }
    await mkdir(this.path('/var/log/journal'))
    await this.write('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`)
    await this.write(`${units}/one-boot-id.service`, oneBootId)
    const wanted = this.path(`${units}/systemd-journald.service.wants`)
    await mkdir(wanted)
    await symlink(`${units}/one-boot-id.service`, join(wanted, 'one-boot-id.service'))
  }
}

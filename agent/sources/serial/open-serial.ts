import { execFile } from 'node:child_process'
import { close, constants, fstat, open } from 'node:fs'
import type { Readable } from 'node:stream'
import { ReadStream } from 'node:tty'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../../shared/errors.ts'
import { harmlessPart } from '../process/environment.ts'
import type { SourceContext } from '../source.ts'

/** How a serial device is opened. */
export interface SerialLine {
  /** A character device such as `/dev/ttyUSB0`, or a link to one. */
  readonly path: string
  /** Bits per second. */
  readonly baud: number
  /** That of the agent, of which the command that sets the line is given the harmless part. */
  readonly environment?: SourceContext['environment']
}

/** 8 bits, no parity, one stop bit, nothing interpreted; a line without modem signals is enough. */
const lineSettings = 'raw -echo cs8 -parenb -cstopb -crtscts clocal cread -hupcl'.split(' ')

const sttyMs = 5000

/**
 * Opens a serial device for reading. The stream ends, or fails, when the device is unplugged;
 * destroying it closes the device. Rejects with `unavailable`, naming the device and what is wrong.
 */
export async function openSerial(line: SerialLine, signal: AbortSignal): Promise<Readable> {
  await configure(line, signal)
  const { path } = line
  // Without O_NONBLOCK the call waits for the carrier of a modem.
  const flags = constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK
  const refused = (cause: Error): never => {
    throw new HeadwaterError('unavailable', `${path} cannot be opened: ${cause.message}`, { cause })
  }
  const descriptor = await promisify(open)(path, flags).catch(refused)
  return streamOf(descriptor).catch((cause: Error) => {
    close(descriptor)
    return refused(cause)
  })
}

async function streamOf(descriptor: number): Promise<Readable> {
  const { rdev, ino } = await promisify(fstat)(descriptor)
  const stream = new ReadStream(descriptor)
  // libuv opens the device a second time where it can and closes that alone.
  return stream.once('close', () => {
    fstat(descriptor, (error, now) => {
      if (!error && now.rdev === rdev && now.ino === ino) close(descriptor)
    })
  })
}

/** Node cannot set a line, and a device forgets its settings when it is unplugged. */
async function configure(
  { path, baud, environment }: SerialLine,
  signal: AbortSignal
): Promise<void> {
  const args = ['-F', path, String(baud), ...lineSettings]
  // What it complains about is looked at, and is translated otherwise.
  const env = { ...harmlessPart(environment), LC_ALL: 'C' }
  try {
    await promisify(execFile)('stty', args, { env, signal, timeout: sttyMs })
  } catch (cause) {
    throw new HeadwaterError('unavailable', `${path}: ${sttyProblem(cause)}`, { cause })
  }
}

function sttyProblem(cause: unknown): string {
  const { code, stderr = '' } = cause as { readonly code?: unknown; readonly stderr?: string }
  if (code === 'ENOENT') return 'the program stty is needed to set the line; install coreutils'
  if (stderr.includes('Inappropriate ioctl')) return 'this is not a serial device'
  if (stderr.includes('Permission denied')) {
    return 'permission denied; add the user of the agent to the group of the device, often "dialout"'
  }
  return stderr.trim() || (cause instanceof Error ? cause.message : 'stty failed')
}

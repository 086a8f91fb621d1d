import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import { replaceFile } from '../../shared/replace-file.ts'
import { readSignedConfig } from '../../shared/signed-config.ts'
import { Fields } from '../../shared/wire/fields.ts'
import { noState, type RemoteState, type Report } from './remote-state.ts'

const format = 1

/**
 * The state as it was saved last; `noState` when there is no file. Rejects with `store_corrupt`,
 * with `store_too_new` when a newer agent wrote it.
 */
export async function readState(path: string): Promise<RemoteState> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noState
    throw error
  }
  try {
    return parse(new Fields(JSON.parse(text), path), path)
  } catch (cause) {
    if (cause instanceof HeadwaterError && cause.code === 'store_too_new') throw cause
    throw new HeadwaterError('store_corrupt', `${path}: ${String(cause)}`, { cause })
  }
}

/** Resolves when it is on disk, whole. */
export async function writeState(path: string, state: RemoteState): Promise<void> {
  const { highest, good, candidate, report } = state
  const written = {
    v: format,
    highest,
    ...(good ? { good: { ...good, signed: good.signed.text } } : {}),
    ...(candidate ? { candidate: { ...candidate, signed: candidate.signed.text } } : {}),
    ...(report ? { report } : {})
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await replaceFile(path, `${JSON.stringify(written, null, 2)}\n`)
}

function parse(fields: Fields, path: string): RemoteState {
  const version = fields.uint('v')
  if (version > format) {
    throw new HeadwaterError(
      'store_too_new',
      `${path} has version ${version}, this program reads ${format}; run a newer one`
    )
  }
  const part = (name: string) => (fields.has(name) ? new Fields(fields.get(name), name) : undefined)
  const good = part('good')
  const candidate = part('candidate')
  return {
    highest: fields.get('highest') as RemoteState['highest'],
    ...(good
      ? { good: { signed: readSignedConfig(good.text('signed')), starts: good.uint('starts') } }
      : {}),
    ...(candidate
      ? {
          candidate: {
            signed: readSignedConfig(candidate.text('signed')),
            tries: candidate.uint('tries'),
            wasConnected: candidate.get('wasConnected') === true
          }
        }
      : {}),
    ...(fields.has('report') ? { report: fields.get('report') as Report } : {})
  }
}

import { bufferContract } from '../../contract/buffer.ts'
import { storage } from './setup.ts'

bufferContract('sqlite buffer', (t) => storage(t))
bufferContract('sqlite buffer with gzip', (t) => storage(t, { compression: 'gzip' }))
bufferContract('sqlite buffer of streams that block', (t) =>
  storage(t, { overflow: () => 'block' })
)

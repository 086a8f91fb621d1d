import { engineContract } from '../../../contract/engine.ts'
import { kinesisRig } from './setup.ts'

engineContract('kinesis engine', async (t) => (await kinesisRig(t)).engine)

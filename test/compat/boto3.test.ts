import { join } from 'node:path'
import { test } from 'node:test'
import { ClientProcess } from './client-process.ts'
import { startKinesis } from './kinesis-gateway.ts'
import { missing } from './missing.ts'
import { compatFolder } from './compat-folder.ts'

const skip = missing({
  python3: ['python3', '--version'],
  boto3: ['python3', '-c', 'import boto3']
})

test('boto3 creates, writes, reads, reshards, subscribes and deletes', { skip }, async (t) => {
  const { url } = await startKinesis(t)
  const script = new ClientProcess(t, ['python3', join(compatFolder, 'boto3_test.py')], {
    AWS_ENDPOINT_URL_KINESIS: url
  })
  await script.succeeds()
})

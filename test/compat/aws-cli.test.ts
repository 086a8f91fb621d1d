import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ClientProcess } from './client-process.ts'
import { type KinesisGateway, startKinesis } from './kinesis-gateway.ts'
import { missing } from './missing.ts'

const skip = missing({ 'the AWS CLI': ['aws', '--version'] })

/** Runs `aws kinesis …` and gives what it prints, without its last newline. */
async function aws(t: TestContext, gateway: KinesisGateway, args: string): Promise<string> {
  const command = ['aws', '--endpoint-url', gateway.url, '--output', 'text', 'kinesis']
  const process = new ClientProcess(t, [...command, ...args.split(' ')])
  await process.succeeds()
  return process.lines.join('\n')
}

test('the AWS CLI creates, writes, reads, splits and deletes', { skip }, async (t) => {
  const gateway = await startKinesis(t)
  const kinesis = (args: string) => aws(t, gateway, args)
  await kinesis('create-stream --stream-name cli --shard-count 1')
  await kinesis('wait stream-exists --stream-name cli')
  assert.match(await kinesis('list-streams --query StreamNames'), /\bcli\b/)

  // Version 1 takes text for data and version 2 base64; both take the bytes of a file.
  const file = await gateway.scenario.file('data', 'by hand')
  const shard = await kinesis(
    `put-record --stream-name cli --partition-key k --data fileb://${file} --query ShardId`
  )
  assert.equal(shard, 'shardId-000000000000')
  const iterator = await kinesis(
    `get-shard-iterator --stream-name cli --shard-id ${shard} --shard-iterator-type TRIM_HORIZON --query ShardIterator`
  )
  assert.equal(
    await kinesis(`get-records --shard-iterator ${iterator} --query Records[].[PartitionKey,Data]`),
    `k\t${Buffer.from('by hand').toString('base64')}`
  )

  await kinesis(
    `split-shard --stream-name cli --shard-to-split ${shard} --new-starting-hash-key ${2n ** 127n}`
  )
  const open = '--shard-filter Type=AT_LATEST --query Shards[].ShardId'
  assert.equal(
    await kinesis(`list-shards --stream-name cli ${open}`),
    'shardId-000000000001\tshardId-000000000002'
  )
  await kinesis('delete-stream --stream-name cli')
  await kinesis('wait stream-not-exists --stream-name cli')
})

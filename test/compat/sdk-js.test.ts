import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteResourcePolicyCommand,
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeAccountSettingsCommand,
  DescribeLimitsCommand,
  DescribeStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  DisableEnhancedMonitoringCommand,
  EnableEnhancedMonitoringCommand,
  GetRecordsCommand,
  GetResourcePolicyCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListChannelsCommand,
  ListShardsCommand,
  ListStreamConsumersCommand,
  ListStreamsCommand,
  ListTagsForResourceCommand,
  ListTagsForStreamCommand,
  MergeShardsCommand,
  MetricsName,
  PutRecordCommand,
  PutRecordsCommand,
  PutResourcePolicyCommand,
  RegisterStreamConsumerCommand,
  RemoveTagsFromStreamCommand,
  type Shard,
  SplitShardCommand,
  StartStreamEncryptionCommand,
  StopStreamEncryptionCommand,
  SubscribeToShardCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAccountSettingsCommand,
  UpdateMaxRecordSizeCommand,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
  UpdateStreamWarmThroughputCommand
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { cleanUp } from '../support/cleanup.ts'
import { region, startKinesis } from './kinesis-gateway.ts'

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const stream = 'sdk'
const name = { StreamName: stream }

/** The two ways in which the SDK speaks; the first is what it does when only `endpoint` is set. */
const handlers = {
  'HTTP/2': {},
  'HTTP/1.1': { requestHandler: new NodeHttpHandler() }
} as const

for (const [protocol, handler] of Object.entries(handlers)) {
  const setup = async (t: TestContext, shards = 1) => {
    const { url } = await startKinesis(t)
    const client = new KinesisClient({ endpoint: url, region, credentials, ...handler })
    cleanUp(t, () => client.destroy())
    await client.send(new CreateStreamCommand({ ...name, ShardCount: shards }))
    const summary = await client.send(new DescribeStreamSummaryCommand(name))
    const arn = summary.StreamDescriptionSummary?.StreamARN ?? ''
    return { client, arn, resource: { ResourceARN: arn } }
  }

  test(`AWS SDK for JavaScript over ${protocol}: 500 records of one call are read back through a split and a merge`, async (t) => {
    const { client } = await setup(t)
    const written = await put(client, 500)
    const [parent] = await openShards(client)
    assert.ok(parent)
    const split = { ShardToSplit: parent.ShardId, NewStartingHashKey: String(2n ** 127n) }
    await client.send(new SplitShardCommand({ ...name, ...split }))
    const [low, high] = await openShards(client)
    const merge = { ShardToMerge: low?.ShardId, AdjacentShardToMerge: high?.ShardId }
    await client.send(new MergeShardsCommand({ ...name, ...merge }))
    const [merged] = await openShards(client)
    assert.equal(merged?.ParentShardId, low?.ShardId)
    assert.equal(merged?.AdjacentParentShardId, high?.ShardId)
    written.push(...(await put(client, 500)))
    const read = []
    for (const shard of [parent, low, high, merged]) read.push(...(await readShard(client, shard)))
    assert.deepEqual(read, written)
    const target = { TargetShardCount: 4, ScalingType: 'UNIFORM_SCALING' } as const
    await client.send(new UpdateShardCountCommand({ ...name, ...target }))
    assert.equal((await openShards(client)).length, 4)
  })

  test(`AWS SDK for JavaScript over ${protocol}: SubscribeToShard pushes what is put, while other calls go on`, async (t) => {
    const { client, arn } = await setup(t)
    const registered = await client.send(
      new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: 'reader' })
    )
    const consumer = { ConsumerARN: registered.Consumer?.ConsumerARN }
    const described = await client.send(new DescribeStreamConsumerCommand(consumer))
    assert.equal(described.ConsumerDescription?.ConsumerStatus, 'ACTIVE')
    const [shard] = await openShards(client)
    const answer = await client.send(
      new SubscribeToShardCommand({
        ...consumer,
        ShardId: shard?.ShardId,
        StartingPosition: { Type: 'LATEST' }
      })
    )
    const written = await put(client, 20)
    const read: string[] = []
    for await (const event of answer.EventStream ?? []) {
      read.push(...textsOf(event.SubscribeToShardEvent?.Records))
      if (read.length === 20) break
      assert.ok(event.SubscribeToShardEvent?.ContinuationSequenceNumber)
    }
    assert.deepEqual(read, written)
    const listed = await client.send(new ListStreamConsumersCommand({ StreamARN: arn }))
    assert.equal(listed.Consumers?.length, 1)
    await client.send(new DeregisterStreamConsumerCommand(consumer))
  })

  test(`AWS SDK for JavaScript over ${protocol}: every setting of a stream is kept, and the account's`, async (t) => {
    const { client, arn, resource } = await setup(t)
    const summary = async () =>
      (await client.send(new DescribeStreamSummaryCommand(name))).StreamDescriptionSummary
    await client.send(new AddTagsToStreamCommand({ ...name, Tags: { one: '1', two: '2' } }))
    await client.send(new TagResourceCommand({ ...resource, Tags: { three: '3' } }))
    await client.send(new RemoveTagsFromStreamCommand({ ...name, TagKeys: ['one'] }))
    await client.send(new UntagResourceCommand({ ...resource, TagKeys: ['two'] }))
    const tags = [{ Key: 'three', Value: '3' }]
    assert.deepEqual((await client.send(new ListTagsForStreamCommand(name))).Tags, tags)
    assert.deepEqual((await client.send(new ListTagsForResourceCommand(resource))).Tags, tags)

    const hours = (RetentionPeriodHours: number) => ({ ...name, RetentionPeriodHours })
    await client.send(new IncreaseStreamRetentionPeriodCommand(hours(72)))
    assert.equal((await summary())?.RetentionPeriodHours, 72)
    await client.send(new DecreaseStreamRetentionPeriodCommand(hours(24)))

    const key = { ...name, EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' } as const
    await client.send(new StartStreamEncryptionCommand(key))
    assert.equal((await summary())?.EncryptionType, 'KMS')
    await client.send(new StopStreamEncryptionCommand(key))

    const metrics = { ShardLevelMetrics: [MetricsName.INCOMING_BYTES] }
    await client.send(new EnableEnhancedMonitoringCommand({ ...name, ...metrics }))
    assert.deepEqual((await summary())?.EnhancedMonitoring, [metrics])
    await client.send(new DisableEnhancedMonitoringCommand({ ...name, ShardLevelMetrics: ['ALL'] }))

    await client.send(new PutResourcePolicyCommand({ ...resource, Policy: '{}' }))
    assert.equal((await client.send(new GetResourcePolicyCommand(resource))).Policy, '{}')
    await client.send(new DeleteResourcePolicyCommand(resource))

    const size = { StreamARN: arn, MaxRecordSizeInKiB: 2048 }
    await client.send(new UpdateMaxRecordSizeCommand(size))
    assert.equal((await summary())?.MaxRecordSizeInKiB, 2048)
    const mode = { StreamMode: 'ON_DEMAND' } as const
    await client.send(new UpdateStreamModeCommand({ StreamARN: arn, StreamModeDetails: mode }))
    assert.deepEqual((await summary())?.StreamModeDetails, mode)
    const commitment = { MinimumThroughputBillingCommitment: { Status: 'ENABLED' } } as const
    await client.send(new UpdateAccountSettingsCommand(commitment))
    const account = await client.send(new DescribeAccountSettingsCommand({}))
    assert.equal(account.MinimumThroughputBillingCommitment?.Status, 'ENABLED')
    const warm = { StreamARN: arn, WarmThroughputMiBps: 10 }
    const warmed = await client.send(new UpdateStreamWarmThroughputCommand(warm))
    assert.equal(warmed.WarmThroughput?.TargetMiBps, 10)
  })

  test(`AWS SDK for JavaScript over ${protocol}: lists in pages, and what is not there`, async (t) => {
    const { client } = await setup(t, 3)
    const described = await client.send(new DescribeStreamCommand({ ...name, Limit: 2 }))
    assert.equal(described.StreamDescription?.Shards?.length, 2)
    assert.equal(described.StreamDescription?.HasMoreShards, true)
    const first = await client.send(new ListShardsCommand({ ...name, MaxResults: 2 }))
    const rest = await client.send(new ListShardsCommand({ NextToken: first.NextToken }))
    assert.deepEqual([first.Shards?.length, rest.Shards?.length], [2, 1])
    assert.ok((await client.send(new ListStreamsCommand({}))).StreamNames?.includes(stream))
    assert.ok((await client.send(new DescribeLimitsCommand({}))).OpenShardCount)

    await client.send(new DeleteStreamCommand(name))
    const record = { ...name, PartitionKey: 'k', Data: Buffer.from('x') }
    await assert.rejects(client.send(new PutRecordCommand(record)), {
      name: 'ResourceNotFoundException',
      message: `Stream ${stream} under account 000000000000 not found.`
    })
    await assert.rejects(client.send(new ListChannelsCommand({})), {
      name: 'UnknownOperationException'
    })
  })
}

/** Puts `count` numbered records in one call; gives their texts. */
async function put(client: KinesisClient, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `record ${i}`)
  const Records = texts.map((text, i) => ({ PartitionKey: `key-${i}`, Data: Buffer.from(text) }))
  const answer = await client.send(new PutRecordsCommand({ ...name, Records }))
  assert.equal(answer.FailedRecordCount, 0)
  assert.equal(answer.Records?.length, count)
  return texts
}

/** The open shards in the order of their ranges. */
async function openShards(client: KinesisClient): Promise<Shard[]> {
  const filter = { Type: 'AT_LATEST' } as const
  const { Shards = [] } = await client.send(new ListShardsCommand({ ...name, ShardFilter: filter }))
  const start = (shard: Shard) => BigInt(shard.HashKeyRange?.StartingHashKey ?? 0)
  return Shards.toSorted((a, b) => (start(a) < start(b) ? -1 : 1))
}

/** All texts of a shard, from its start to its end or to where it is read up. */
async function readShard(client: KinesisClient, shard: Shard | undefined): Promise<string[]> {
  const from = { ...name, ShardId: shard?.ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
  let { ShardIterator: iterator } = await client.send(new GetShardIteratorCommand(from))
  const texts: string[] = []
  while (iterator) {
    const answer: Awaited<ReturnType<typeof getRecords>> = await getRecords(client, iterator)
    texts.push(...textsOf(answer.Records))
    if (answer.Records?.length === 0 && answer.MillisBehindLatest === 0) break
    iterator = answer.NextShardIterator
  }
  return texts
}

function getRecords(client: KinesisClient, iterator: string) {
  return client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 200 }))
}

function textsOf(records: readonly { readonly Data?: Uint8Array | undefined }[] = []): string[] {
  return records.map(({ Data = new Uint8Array() }) => Buffer.from(Data).toString())
}

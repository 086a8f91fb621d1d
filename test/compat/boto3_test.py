"""What a program that uses boto3 relies on, run against the endpoint of the environment."""

import unittest

import boto3
from botocore.exceptions import ClientError

MIDDLE = str(2**127)


class KinesisTest(unittest.TestCase):
    def setUp(self):
        self.kinesis = boto3.client("kinesis")
        self.stream = self._testMethodName.replace("_", "-")

    def create(self, shards=1):
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=shards)
        self.kinesis.get_waiter("stream_exists").wait(
            StreamName=self.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        return self.summary()["StreamARN"]

    def summary(self):
        answer = self.kinesis.describe_stream_summary(StreamName=self.stream)
        return answer["StreamDescriptionSummary"]

    def shards(self, **filters):
        return self.kinesis.list_shards(StreamName=self.stream, **filters)["Shards"]

    def open_shards(self):
        return self.shards(ShardFilter={"Type": "AT_LATEST"})

    def put(self, count):
        answer = self.kinesis.put_records(
            StreamName=self.stream,
            Records=[
                {"Data": f"record {i}".encode(), "PartitionKey": f"key-{i % 7}"}
                for i in range(count)
            ],
        )
        self.assertEqual(answer["FailedRecordCount"], 0)
        return answer["Records"]

    def read_shard(self, shard):
        """All records of a shard from its start, and its children when it is closed."""
        records = []
        iterator = self.kinesis.get_shard_iterator(
            StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = self.kinesis.get_records(ShardIterator=iterator, Limit=100)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator")
            if iterator is None:
                return records, answer["ChildShards"]
            if answer["MillisBehindLatest"] == 0 and not answer["Records"]:
                return records, []

    def test_records_come_back(self):
        self.create(shards=2)
        answers = self.put(250)
        read = [record for shard in self.shards() for record in self.read_shard(shard["ShardId"])[0]]
        self.assertEqual(
            {record["SequenceNumber"] for record in read},
            {answer["SequenceNumber"] for answer in answers},
        )
        self.assertEqual(
            sorted(record["Data"] for record in read),
            sorted(f"record {i}".encode() for i in range(250)),
        )
        self.assertLess(
            abs((read[0]["ApproximateArrivalTimestamp"] - self.summary()["StreamCreationTimestamp"]).total_seconds()),
            60,
        )

    def test_iterators_start_where_they_are_told(self):
        self.create()
        one = self.put(10)
        second = self.kinesis.put_record(
            StreamName=self.stream, Data=b"later", PartitionKey="k", ExplicitHashKey="5"
        )
        shard = second["ShardId"]

        def first(**position):
            iterator = self.kinesis.get_shard_iterator(
                StreamName=self.stream, ShardId=shard, **position
            )["ShardIterator"]
            records = self.kinesis.get_records(ShardIterator=iterator)["Records"]
            return records[0]["SequenceNumber"] if records else None

        numbers = sorted(int(answer["SequenceNumber"]) for answer in one)
        at = {"StartingSequenceNumber": str(numbers[3])}
        self.assertEqual(first(ShardIteratorType="TRIM_HORIZON"), str(numbers[0]))
        self.assertEqual(first(ShardIteratorType="AT_SEQUENCE_NUMBER", **at), str(numbers[3]))
        self.assertEqual(first(ShardIteratorType="AFTER_SEQUENCE_NUMBER", **at), str(numbers[4]))
        self.assertEqual(first(ShardIteratorType="AT_TIMESTAMP", Timestamp=0), str(numbers[0]))
        self.assertIsNone(first(ShardIteratorType="LATEST"))

    def test_reshards(self):
        self.create()
        self.put(20)
        parent = self.open_shards()[0]["ShardId"]
        self.kinesis.split_shard(
            StreamName=self.stream, ShardToSplit=parent, NewStartingHashKey=MIDDLE
        )
        self.kinesis.get_waiter("stream_exists").wait(StreamName=self.stream)
        children = self.open_shards()
        self.assertEqual([shard["ParentShardId"] for shard in children], [parent, parent])
        records, announced = self.read_shard(parent)
        self.assertEqual(len(records), 20)
        self.assertEqual(
            [shard["ShardId"] for shard in announced], [shard["ShardId"] for shard in children]
        )
        self.kinesis.merge_shards(
            StreamName=self.stream,
            ShardToMerge=children[0]["ShardId"],
            AdjacentShardToMerge=children[1]["ShardId"],
        )
        (merged,) = self.open_shards()
        self.assertEqual(merged["ParentShardId"], children[0]["ShardId"])
        self.assertEqual(merged["AdjacentParentShardId"], children[1]["ShardId"])
        self.kinesis.update_shard_count(
            StreamName=self.stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
        )
        self.assertEqual(len(self.open_shards()), 2)
        self.assertEqual(self.summary()["OpenShardCount"], 2)

    def test_fan_out_pushes_records(self):
        arn = self.create()
        consumer = self.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")[
            "Consumer"
        ]
        described = self.kinesis.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
        self.assertEqual(described["ConsumerDescription"]["ConsumerStatus"], "ACTIVE")
        self.put(30)
        stream = self.kinesis.subscribe_to_shard(
            ConsumerARN=consumer["ConsumerARN"],
            ShardId=self.open_shards()[0]["ShardId"],
            StartingPosition={"Type": "TRIM_HORIZON"},
        )["EventStream"]
        records = []
        for event in stream:
            records += event["SubscribeToShardEvent"]["Records"]
            if len(records) >= 30:
                break
        stream.close()
        self.assertEqual([record["Data"] for record in records], [f"record {i}".encode() for i in range(30)])
        self.kinesis.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
        self.assertEqual(self.kinesis.list_stream_consumers(StreamARN=arn)["Consumers"], [])

    def test_paginators_give_all(self):
        arn = self.create(shards=5)
        for name in ("one", "two", "three"):
            self.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)

        def all_of(operation, member, size, **arguments):
            pages = self.kinesis.get_paginator(operation).paginate(
                PaginationConfig={"PageSize": size}, **arguments
            )
            return [item for page in pages for item in (page.get(member) or [])]

        # Its paginator repeats the stream's name beside the token, which the service refuses.
        first = self.kinesis.list_shards(StreamName=self.stream, MaxResults=3)
        rest = self.kinesis.list_shards(NextToken=first["NextToken"])
        self.assertEqual((len(first["Shards"]), len(rest["Shards"])), (3, 2))
        self.assertEqual(len(all_of("list_stream_consumers", "Consumers", 2, StreamARN=arn)), 3)
        self.assertIn(self.stream, all_of("list_streams", "StreamNames", 1))
        described = self.kinesis.get_paginator("describe_stream").paginate(
            StreamName=self.stream, PaginationConfig={"PageSize": 2}
        )
        self.assertEqual(sum(len(page["StreamDescription"]["Shards"]) for page in described), 5)

    def test_settings_are_kept(self):
        arn = self.create()
        name = {"StreamName": self.stream}
        self.kinesis.add_tags_to_stream(Tags={"team": "field", "site": "7"}, **name)
        self.kinesis.remove_tags_from_stream(TagKeys=["site"], **name)
        tags = self.kinesis.list_tags_for_stream(**name)["Tags"]
        self.assertEqual(tags, [{"Key": "team", "Value": "field"}])
        self.kinesis.increase_stream_retention_period(RetentionPeriodHours=48, **name)
        self.assertEqual(self.summary()["RetentionPeriodHours"], 48)
        self.kinesis.decrease_stream_retention_period(RetentionPeriodHours=24, **name)
        self.kinesis.start_stream_encryption(EncryptionType="KMS", KeyId="alias/aws/kinesis", **name)
        self.assertEqual(self.summary()["EncryptionType"], "KMS")
        self.assertEqual(
            self.kinesis.put_record(Data=b"x", PartitionKey="k", **name)["EncryptionType"], "KMS"
        )
        self.kinesis.stop_stream_encryption(EncryptionType="KMS", KeyId="alias/aws/kinesis", **name)
        self.kinesis.enable_enhanced_monitoring(ShardLevelMetrics=["IncomingBytes"], **name)
        self.kinesis.disable_enhanced_monitoring(ShardLevelMetrics=["ALL"], **name)
        self.kinesis.put_resource_policy(ResourceARN=arn, Policy="{}")
        self.assertEqual(self.kinesis.get_resource_policy(ResourceARN=arn)["Policy"], "{}")
        self.kinesis.delete_resource_policy(ResourceARN=arn)
        self.kinesis.update_stream_mode(
            StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}
        )
        self.assertEqual(self.summary()["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})

    def test_errors_have_their_classes(self):
        errors = self.kinesis.exceptions
        with self.assertRaises(errors.ResourceNotFoundException):
            self.kinesis.describe_stream(StreamName="absent")
        arn = self.create()
        with self.assertRaises(errors.ResourceInUseException):
            self.kinesis.create_stream(StreamName=self.stream, ShardCount=1)
        with self.assertRaises(errors.InvalidArgumentException):
            self.kinesis.split_shard(
                StreamName=self.stream,
                ShardToSplit=self.open_shards()[0]["ShardId"],
                NewStartingHashKey="0",
            )
        with self.assertRaises(ClientError) as invalid:
            self.kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k" * 257)
        self.assertEqual(invalid.exception.response["Error"]["Code"], "ValidationException")
        self.assertEqual(invalid.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertTrue(invalid.exception.response["ResponseMetadata"]["RequestId"])

    def test_a_deleted_stream_is_gone(self):
        self.create()
        self.kinesis.delete_stream(StreamName=self.stream)
        self.kinesis.get_waiter("stream_not_exists").wait(
            StreamName=self.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        self.assertNotIn(self.stream, self.kinesis.list_streams()["StreamNames"])


if __name__ == "__main__":
    unittest.main()

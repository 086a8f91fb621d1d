package headwater.compat;

import java.nio.ByteBuffer;
import java.util.Base64;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/**
 * Writes what it is given, one line an event, separated by tabs, and checkpoints after each batch:
 * {@code start}, shard; {@code record}, shard, sequence number, sub-sequence number, partition key,
 * data in base64; {@code end}, shard.
 */
final class Processor implements ShardRecordProcessor {
  private String shard = "";

  @Override
  public void initialize(InitializationInput input) {
    shard = input.shardId();
    write("start", shard);
  }

  @Override
  public void processRecords(ProcessRecordsInput input) {
    for (KinesisClientRecord record : input.records()) {
      write(
          "record",
          shard,
          record.sequenceNumber(),
          Long.toString(record.subSequenceNumber()),
          record.partitionKey(),
          base64(record.data()));
    }
    if (!input.records().isEmpty()) checkpoint(input.checkpointer());
  }

  @Override
  public void leaseLost(LeaseLostInput input) {}

  @Override
  public void shardEnded(ShardEndedInput input) {
    checkpoint(input.checkpointer());
    write("end", shard);
  }

  @Override
  public void shutdownRequested(ShutdownRequestedInput input) {
    checkpoint(input.checkpointer());
  }

  private static void checkpoint(RecordProcessorCheckpointer checkpointer) {
    try {
      checkpointer.checkpoint();
    } catch (InvalidStateException | ShutdownException error) {
      throw new IllegalStateException("checkpoint was refused", error);
    }
  }

  private static String base64(ByteBuffer data) {
    byte[] bytes = new byte[data.remaining()];
    data.duplicate().get(bytes);
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static void write(String... columns) {
    synchronized (System.out) {
      System.out.println(String.join("\t", columns));
      System.out.flush();
    }
  }
}

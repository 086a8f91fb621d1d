package headwater.compat;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordFailedException;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * Puts records through the Kinesis Producer Library. Arguments: TLS port, stream, how many keys,
 * pause between records in ms. Puts {@code key-K/N} under {@code key-K}, N from 0 up, until standard
 * input ends, then waits for all answers. Writes one line an answer, separated by tabs: {@code put},
 * data, shard, sequence number, attempts, or {@code failed}, data, why.
 */
public final class Producer {
  private Producer() {}

  public static void main(String[] arguments) throws Exception {
    KinesisProducer producer = new KinesisProducer(configuration(Integer.parseInt(arguments[0])));
    String stream = arguments[1];
    int keys = Integer.parseInt(arguments[2]);
    long pauseMs = Long.parseLong(arguments[3]);
    Thread input = untilInputEnds();
    for (int i = 0; input.isAlive(); i++) {
      String key = "key-" + i % keys;
      String data = key + "/" + i / keys;
      Futures.addCallback(
          producer.addUserRecord(
              stream, key, ByteBuffer.wrap(data.getBytes(StandardCharsets.UTF_8))),
          new Answer(data),
          MoreExecutors.directExecutor());
      Thread.sleep(pauseMs);
    }
    producer.flushSync();
    producer.destroy();
    System.out.println("done");
    System.exit(0);
  }

  /** A thread that lives until standard input ends. */
  private static Thread untilInputEnds() {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (IOException error) {
                throw new UncheckedIOException(error);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static KinesisProducerConfiguration configuration(int port) {
    return new KinesisProducerConfiguration()
        .setRegion("us-east-1")
        .setKinesisEndpoint("127.0.0.1")
        .setKinesisPort(port)
        .setVerifyCertificate(false)
        .setMetricsLevel("none")
        .setRecordTtl(60_000)
        .setLogLevel("warning");
  }

  private record Answer(String data) implements FutureCallback<UserRecordResult> {
    @Override
    public void onSuccess(UserRecordResult result) {
      write(
          "put",
          data,
          result.getShardId(),
          result.getSequenceNumber(),
          String.valueOf(result.getAttempts().size()));
    }

    @Override
    public void onFailure(Throwable cause) {
      String why =
          cause instanceof UserRecordFailedException failed
              ? failed.getResult().getAttempts().stream()
                  .map(attempt -> attempt.getErrorCode() + " " + attempt.getErrorMessage())
                  .toList()
                  .toString()
              : cause.toString();
      write("failed", data, why);
    }

    private static synchronized void write(String... columns) {
      System.out.println(String.join("\t", columns));
    }
  }
}

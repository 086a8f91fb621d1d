package headwater.compat;

import java.net.URI;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalConfig;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * Reads a stream through the Kinesis Client Library until standard input ends, then stops with a
 * checkpoint. Arguments: address of Kinesis, address of DynamoDB, stream, application,
 * {@code polling} or {@code fan-out}. What it writes is said at {@link Processor}.
 */
public final class Consumer {
  private final URI kinesisUrl;
  private final URI dynamoUrl;
  private final String stream;
  private final String application;
  private final boolean fanOut;

  private Consumer(String[] arguments) {
    kinesisUrl = URI.create(arguments[0]);
    dynamoUrl = URI.create(arguments[1]);
    stream = arguments[2];
    application = arguments[3];
    fanOut = arguments[4].equals("fan-out");
  }

  public static void main(String[] arguments) throws Exception {
    Scheduler scheduler = new Consumer(arguments).scheduler();
    Thread running = new Thread(scheduler);
    running.setDaemon(true);
    running.start();
    while (System.in.read() >= 0) {}
    boolean clean = scheduler.startGracefulShutdown().get(60, TimeUnit.SECONDS);
    System.out.println("done");
    System.exit(clean ? 0 : 1);
  }

  private Scheduler scheduler() {
    KinesisAsyncClient kinesis =
        KinesisClientUtil.createKinesisAsyncClient(
            KinesisAsyncClient.builder().region(Region.US_EAST_1).endpointOverride(kinesisUrl));
    DynamoDbAsyncClient dynamo =
        DynamoDbAsyncClient.builder().region(Region.US_EAST_1).endpointOverride(dynamoUrl).build();
    // Asked for by the constructor; with metrics off nothing is sent.
    CloudWatchAsyncClient cloudWatch =
        CloudWatchAsyncClient.builder()
            .region(Region.US_EAST_1)
            .endpointOverride(URI.create("http://127.0.0.1:1"))
            .build();
    ConfigsBuilder configs =
        new ConfigsBuilder(
            new SingleStreamTracker(
                stream,
                InitialPositionInStreamExtended.newInitialPosition(
                    InitialPositionInStream.TRIM_HORIZON)),
            application,
            kinesis,
            dynamo,
            cloudWatch,
            "worker-" + UUID.randomUUID(),
            Processor::new);
    // The waits are shorter than the defaults, which are made for hours of running.
    return new Scheduler(
        configs.checkpointConfig(),
        configs.coordinatorConfig().parentShardPollIntervalMillis(500),
        configs
            .leaseManagementConfig()
            .failoverTimeMillis(3_000)
            .shardSyncIntervalMillis(2_000)
            .leaseAssignmentIntervalMillis(1_000L)
            .dynamoDbLockBasedLeaderLeaseDurationInMillis(6_000)
            .dynamoDbLockBasedLeaderHeartbeatPeriodInMillis(2_000),
        configs.lifecycleConfig(),
        configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
        configs.processorConfig(),
        retrieval(configs, kinesis));
  }

  private RetrievalConfig retrieval(ConfigsBuilder configs, KinesisAsyncClient kinesis) {
    RetrievalSpecificConfig how =
        fanOut
            ? new FanOutConfig(kinesis).streamName(stream).applicationName(application)
            : new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200);
    return configs.retrievalConfig().retrievalSpecificConfig(how);
  }
}

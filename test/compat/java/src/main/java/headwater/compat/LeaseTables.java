package headwater.compat;

import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.ContextHandler;

/**
 * DynamoDB Local in memory, for as long as standard input is open. Writes {@code ready}, a tab and
 * its port. Its own command line listens on all addresses, hence the server made here.
 */
public final class LeaseTables {
  private LeaseTables() {}

  public static void main(String[] arguments) throws Exception {
    LocalDynamoDBRequestHandler tables =
        new LocalDynamoDBRequestHandler(0, true, null, true, false);
    Server server = new Server(new InetSocketAddress("127.0.0.1", 0));
    server.setHandler(new ContextHandler(new LocalDynamoDBServerHandler(tables, null), "/"));
    server.start();
    System.out.println("ready\t" + server.getURI().getPort());
    while (System.in.read() >= 0) {}
    server.stop();
    System.exit(0);
  }
}

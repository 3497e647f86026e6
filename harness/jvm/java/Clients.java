import io.scramtoken.kafka.Greedy;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.security.Security;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;

/**
 * Several clients in one JVM, whose connections stay open between requests.
 *
 * <p>A request is a line of fields separated by tabs: "open", a name and a file of properties; "ask"
 * and a name, which is one request to the broker; "remove", which removes our security provider;
 * "front", which puts another before it; or "close", which closes all clients. The answer is "ok", or
 * "error", the exception's class and all messages.
 */
public final class Clients {
    public static void main(String[] args) throws Exception {
        Map<String, Admin> clients = new HashMap<>();
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] request = line.split("\t");
            try {
                switch (request[0]) {
                    case "open":
                        clients.put(request[1], open(request[2]));
                        break;
                    case "ask":
                        clients.get(request[1]).describeCluster().nodes().get();
                        break;
                    case "remove":
                        Security.removeProvider("ScramToken");
                        break;
                    case "front":
                        Security.insertProviderAt(new Greedy(), 1);
                        break;
                    default:
                        clients.values().forEach(client -> client.close(Duration.ZERO));
                        clients.clear();
                }
                System.out.println("ok");
            } catch (ExecutionException e) {
                System.out.println(error(e.getCause()));
            } catch (RuntimeException e) {
                System.out.println(error(e));
            }
        }
    }

    private static Admin open(String file) throws Exception {
        Properties properties = new Properties();
        try (Reader reader = new FileReader(file)) {
            properties.load(reader);
        }
        return Admin.create(properties);
    }

    private static String error(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(' ').append(String.valueOf(cause.getMessage()).replaceAll("\\s+", " "));
        }
        return "error\t" + error.getClass().getSimpleName() + "\t" + text;
    }
}

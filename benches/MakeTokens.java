import java.io.FileInputStream;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateDelegationTokenOptions;
import org.apache.kafka.common.security.auth.KafkaPrincipal;

/**
 * Makes delegation tokens, each of one of a thousand owners and with a renewer, many at a time.
 *
 * <p>Arguments: a client's properties, how many.
 */
public class MakeTokens {
    private static final int AT_ONCE = 100;

    public static void main(String[] arguments) throws Exception {
        Properties config = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            config.load(file);
        }
        config.put("default.api.timeout.ms", "600000");
        config.put("request.timeout.ms", "600000");
        int count = Integer.parseInt(arguments[1]);
        Semaphore room = new Semaphore(AT_ONCE);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        try (Admin admin = Admin.create(config)) {
            for (int number = 0; number < count && failure.get() == null; number++) {
                room.acquire();
                CreateDelegationTokenOptions options = new CreateDelegationTokenOptions()
                        .owner(new KafkaPrincipal("User", "user-" + number % 1000))
                        .renewers(List.of(new KafkaPrincipal("User", "admin")));
                admin.createDelegationToken(options).delegationToken().whenComplete((token, error) -> {
                    if (error != null) {
                        failure.set(error);
                    }
                    room.release();
                });
            }
            room.acquire(AT_ONCE);
        }
        if (failure.get() != null) {
            throw new IllegalStateException(failure.get());
        }
    }
}

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToLongFunction;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.authenticator.CredentialCache;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.internals.ScramCredentialUtils;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ClientFinalMessage;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ClientFirstMessage;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ServerFirstMessage;
import org.apache.kafka.common.security.scram.internals.ScramSaslClient;
import org.apache.kafka.common.security.scram.internals.ScramSaslServer;
import org.apache.kafka.common.security.scram.internals.ScramServerCallbackHandler;
import org.apache.kafka.common.security.token.delegation.DelegationToken;
import org.apache.kafka.common.security.token.delegation.TokenInformation;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache;

/**
 * The same logins as benches/logins, by Kafka's own classes: processor time of the running thread,
 * with everything off the clock that the other side does. Prints a line for each benchmark: its
 * name, a tab, and microseconds per login of each sample.
 */
public class KafkaLogins {
    private static final int ITERATIONS = 4096;
    private static final String USER = "alice";
    private static final String PASSWORD = "correct horse battery staple";
    private static final String TOKEN_ID = "FCQa_HgWR6q2lWyPN9lSLg";
    private static final byte[] SALT = "sixteen bytes...".getBytes(StandardCharsets.UTF_8);
    private static final int AT_A_TIME = 32;
    private static final int SAMPLES = 100;
    private static final long WARM_UP_NS = 5_000_000_000L;
    private static final long SAMPLE_NS = 20_000_000L;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final ScramMechanism mechanism;
    private final ScramFormatter formatter;
    private final ScramServerCallbackHandler callbacks;

    KafkaLogins(ScramMechanism mechanism) throws Exception {
        this.mechanism = mechanism;
        formatter = new ScramFormatter(mechanism);
        CredentialCache users = new CredentialCache();
        DelegationTokenCache tokens = new DelegationTokenCache(ScramMechanism.mechanismNames());
        ScramCredentialUtils.createCache(users, ScramMechanism.mechanismNames());
        String name = mechanism.mechanismName();
        users.cache(name, ScramCredential.class).put(USER, credential(PASSWORD));
        TokenInformation information =
                new TokenInformation(
                        TOKEN_ID,
                        new KafkaPrincipal(KafkaPrincipal.USER_TYPE, USER),
                        List.of(),
                        0,
                        Long.MAX_VALUE,
                        Long.MAX_VALUE);
        DelegationToken token = new DelegationToken(information, hmac());
        tokens.updateCache(token, new HashMap<>(Map.of(name, credential(base64(hmac())))));
        callbacks = new ScramServerCallbackHandler(users.cache(name, ScramCredential.class), tokens);
        callbacks.configure(Map.of(), name, List.of());
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (ScramMechanism mechanism :
                new ScramMechanism[] {ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512}) {
            KafkaLogins logins = new KafkaLogins(mechanism);
            String name = mechanism.mechanismName();
            logins.checkRefusal(false);
            logins.checkRefusal(true);
            report(out, "server/" + name + "/user", number -> logins.timeServers(number, false));
            report(out, "server/" + name + "/token", number -> logins.timeServers(number, true));
            report(out, "client/" + name + "/cold", logins::timeClients);
        }
    }

    /** Nanoseconds of so many whole server logins: new, both messages, whose it is. */
    private long timeServers(int number, boolean token) {
        try {
            byte[] salted =
                    token ? saltedPassword(base64(hmac())) : saltedPassword(PASSWORD);
            long elapsed = 0;
            for (int done = 0; done < number; done += AT_A_TIME) {
                byte[][] firsts = new byte[AT_A_TIME][];
                byte[][] challenges = new byte[AT_A_TIME][];
                byte[][] finals = new byte[AT_A_TIME][];
                ScramSaslServer[] servers = new ScramSaslServer[AT_A_TIME];
                for (int i = 0; i < AT_A_TIME; i++) {
                    firsts[i] = clientFirst(token).toBytes();
                }
                long start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < AT_A_TIME; i++) {
                    servers[i] = new ScramSaslServer(mechanism, Map.of(), callbacks);
                    challenges[i] = servers[i].evaluateResponse(firsts[i]);
                }
                elapsed += THREADS.getCurrentThreadCpuTime() - start;
                for (int i = 0; i < AT_A_TIME; i++) {
                    finals[i] = clientFinal(salted, firsts[i], challenges[i]);
                }
                start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < AT_A_TIME; i++) {
                    servers[i].evaluateResponse(finals[i]);
                    if (!servers[i].isComplete() || !servers[i].getAuthorizationID().equals(USER)) {
                        throw new IllegalStateException("not logged in");
                    }
                }
                elapsed += THREADS.getCurrentThreadCpuTime() - start;
            }
            return elapsed;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Nanoseconds of so many whole client logins, each of which hashes. */
    private long timeClients(int number) {
        try {
            long elapsed = 0;
            for (int done = 0; done < number; done += AT_A_TIME) {
                ScramSaslClient[] clients = new ScramSaslClient[AT_A_TIME];
                ScramSaslServer[] servers = new ScramSaslServer[AT_A_TIME];
                byte[][] messages = new byte[AT_A_TIME][];
                long start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < AT_A_TIME; i++) {
                    clients[i] = new ScramSaslClient(mechanism, new UserCallbacks());
                    messages[i] = clients[i].evaluateChallenge(new byte[0]);
                }
                elapsed += THREADS.getCurrentThreadCpuTime() - start;
                for (int i = 0; i < AT_A_TIME; i++) {
                    servers[i] = new ScramSaslServer(mechanism, Map.of(), callbacks);
                    messages[i] = servers[i].evaluateResponse(messages[i]);
                }
                start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < AT_A_TIME; i++) {
                    messages[i] = clients[i].evaluateChallenge(messages[i]);
                }
                elapsed += THREADS.getCurrentThreadCpuTime() - start;
                for (int i = 0; i < AT_A_TIME; i++) {
                    messages[i] = servers[i].evaluateResponse(messages[i]);
                }
                start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < AT_A_TIME; i++) {
                    clients[i].evaluateChallenge(messages[i]);
                    if (!clients[i].isComplete()) {
                        throw new IllegalStateException("not logged in");
                    }
                }
                elapsed += THREADS.getCurrentThreadCpuTime() - start;
            }
            return elapsed;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void checkRefusal(boolean token) throws Exception {
        ScramSaslServer server = new ScramSaslServer(mechanism, Map.of(), callbacks);
        byte[] first = clientFirst(token).toBytes();
        byte[] challenge = server.evaluateResponse(first);
        try {
            server.evaluateResponse(clientFinal(saltedPassword("wrong"), first, challenge));
        } catch (Exception e) {
            return;
        }
        throw new IllegalStateException("a wrong password was accepted");
    }

    /** Warms up until the compiler has had its time, then samples. */
    private static void report(PrintStream out, String name, IntToLongFunction time) {
        long warm = 0;
        long logins = 0;
        while (warm < WARM_UP_NS) {
            warm += time.applyAsLong(AT_A_TIME);
            logins += AT_A_TIME;
        }
        int number = (int) Math.max(1, SAMPLE_NS / (warm / logins));
        number = (number + AT_A_TIME - 1) / AT_A_TIME * AT_A_TIME;
        List<String> samples = new ArrayList<>();
        for (int i = 0; i < SAMPLES; i++) {
            double microseconds = time.applyAsLong(number) / 1000.0 / number;
            samples.add(String.format(Locale.ROOT, "%.4f", microseconds));
        }
        out.println(name + "\t" + String.join(" ", samples));
    }

    private ClientFirstMessage clientFirst(boolean token) {
        Map<String, String> extensions = token ? Map.of("tokenauth", "true") : Map.of();
        String nonce = formatter.secureRandomString();
        return new ClientFirstMessage(token ? TOKEN_ID : USER, nonce, extensions);
    }

    private byte[] clientFinal(byte[] salted, byte[] first, byte[] challenge) throws Exception {
        ClientFirstMessage clientFirst = new ClientFirstMessage(first);
        ServerFirstMessage serverFirst = new ServerFirstMessage(challenge);
        ClientFinalMessage clientFinal =
                new ClientFinalMessage("n,,".getBytes(StandardCharsets.UTF_8), serverFirst.nonce());
        clientFinal.proof(formatter.clientProof(salted, clientFirst, serverFirst, clientFinal));
        return clientFinal.toBytes();
    }

    private byte[] saltedPassword(String password) throws Exception {
        return formatter.saltedPassword(password, SALT, ITERATIONS);
    }

    private ScramCredential credential(String password) throws Exception {
        return formatter.generateCredential(SALT, saltedPassword(password), ITERATIONS);
    }

    /** 64 bytes, as long as Kafka's HMACs are. */
    private static byte[] hmac() {
        byte[] hmac = new byte[64];
        for (int i = 0; i < hmac.length; i++) {
            hmac[i] = (byte) i;
        }
        return hmac;
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static final class UserCallbacks implements CallbackHandler {
        @Override
        public void handle(Callback[] callbacks) {
            for (Callback callback : callbacks) {
                if (callback instanceof NameCallback) {
                    ((NameCallback) callback).setName(USER);
                } else if (callback instanceof PasswordCallback) {
                    ((PasswordCallback) callback).setPassword(PASSWORD.toCharArray());
                }
            }
        }
    }
}

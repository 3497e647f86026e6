import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Security;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import javax.security.auth.Subject;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.auth.spi.LoginModule;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;
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
 * The workers of `make bench-peers` on a JVM: Kafka's own classes, and the jar's where it is on the
 * class path. Each says what it can time, then times what it is asked to; the protocol is in
 * benches/peers/worker.py.
 *
 * <p>Servers and clients come from their factories, for Kafka and for the jar: what the JDK takes to
 * find a factory is neither's, and is measured by `make bench-java`.
 */
public class Peers {
    private static final int ITERATIONS = 4096;
    private static final String USER = "alice";
    private static final String PASSWORD = "correct horse battery staple";
    private static final String TOKEN_ID = "FCQa_HgWR6q2lWyPN9lSLg";
    private static final byte[] SALT = bytes("sixteen bytes...");
    private static final byte[] EMPTY = new byte[0];
    /** So many logins wait at a time, while their other side computes off the clock. */
    private static final int AT_A_TIME = 64;

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Microseconds per login, for about so many nanoseconds. */
    private interface Timed {
        double run(long budget) throws Exception;
    }

    private final List<String> lines = new ArrayList<>();
    private final List<Timed> timed = new ArrayList<>();

    /** args: what Kafka's classes are called, their version, and the jar's where it is there. */
    public static void main(String[] args) throws Exception {
        Peers peers = new Peers();
        for (ScramMechanism mechanism :
                List.of(ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)) {
            Account account = new Account(mechanism);
            peers.addKafka(account, args[0], args[1]);
            if (args.length > 2) {
                peers.addScramToken(account, args[2]);
            }
        }
        peers.serve();
    }

    private void addKafka(Account account, String name, String version) throws Exception {
        Callable<SaslServer> server =
                () -> new ScramSaslServer(account.mechanism, Map.of(), account.callbacks);
        Callable<SaslClient> client =
                () -> new ScramSaslClient(account.mechanism, new Credentials());
        addServers(account, name, version, server);
        addClient("client, cold", account, name, version, client);
    }

    private void addScramToken(Account account, String version) throws Exception {
        String[] mechanisms = {account.name};
        SaslServerFactory servers = provided(SaslServerFactory.class, account.name, Map.of());
        addServers(
                account,
                "scramtoken, JVM",
                version,
                () -> servers.createSaslServer(
                        account.name, "kafka", "localhost", Map.of(), account.callbacks));
        // The source is a file, which is read at each login.
        Path file =
                Files.createTempFile(
                        "peers-",
                        ".json",
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
        file.toFile().deleteOnExit();
        Files.writeString(
                file, "{\"username\": \"" + USER + "\", \"password\": \"" + PASSWORD + "\"}");
        SaslClientFactory clients =
                provided(SaslClientFactory.class, account.name, Map.of("source", "file:" + file));
        addClient(
                "client, warm",
                account,
                "scramtoken, JVM",
                version,
                () -> clients.createSaslClient(
                        mechanisms, null, "kafka", "localhost", Map.of(), null));
    }

    /** What the security provider makes of a JAAS line. */
    @SuppressWarnings("removal") // what Kafka itself calls before Java 18
    private static <F> F provided(Class<F> type, String mechanism, Map<String, ?> options)
            throws Exception {
        Subject subject = new Subject();
        LoginModule module =
                (LoginModule)
                        Class.forName("io.scramtoken.kafka.ScramTokenLoginModule")
                                .getDeclaredConstructor()
                                .newInstance();
        module.initialize(subject, null, Map.of(), options);
        module.login();
        module.commit();
        Object factory =
                subject.getPrivateCredentials().stream().filter(type::isInstance).findAny().get();
        if (Security.getProvider("ScramToken") == null) {
            throw new IllegalStateException("the provider is missing");
        }
        return type.cast(factory);
    }

    private void addServers(
            Account account, String name, String version, Callable<SaslServer> server)
            throws Exception {
        for (boolean token : new boolean[] {false, true}) {
            checkRefusal(account, server.call(), token);
            time(account, server, token, 0);
            String benchmark = token ? "server, token" : "server";
            add(benchmark, account, name, version, budget -> time(account, server, token, budget));
        }
    }

    private void addClient(
            String benchmark,
            Account account,
            String name,
            String version,
            Callable<SaslClient> client)
            throws Exception {
        checkDisbelief(account, client.call());
        time(account, client, 0);
        add(benchmark, account, name, version, budget -> time(account, client, budget));
    }

    private void add(
            String benchmark, Account account, String name, String version, Timed line) {
        lines.add(
                String.format(
                        "{\"benchmark\": \"%s\", \"subject\": \"%s\", \"mechanism\": \"%s\","
                                + " \"version\": \"%s\"}",
                        benchmark, name, account.name, version));
        timed.add(line);
    }

    private void serve() throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        out.println(String.join("\n", lines) + "\n");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            long budget = Long.parseLong(words[1]) * 1_000_000;
            double value = timed.get(Integer.parseInt(words[0])).run(budget);
            out.println(String.format(Locale.ROOT, "%.6f", value));
        }
    }

    /** Whole server logins: new, both messages, whose it is. */
    private static double time(
            Account account, Callable<SaslServer> server, boolean token, long budget)
            throws Exception {
        byte[][] firsts = new byte[AT_A_TIME][];
        byte[][] challenges = new byte[AT_A_TIME][];
        byte[][] lasts = new byte[AT_A_TIME][];
        SaslServer[] servers = new SaslServer[AT_A_TIME];
        long elapsed = 0;
        long done = 0;
        do {
            for (int i = 0; i < AT_A_TIME; i++) {
                firsts[i] = account.clientFirst(token);
            }
            long start = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < AT_A_TIME; i++) {
                servers[i] = server.call();
                challenges[i] = servers[i].evaluateResponse(firsts[i]);
            }
            elapsed += THREADS.getCurrentThreadCpuTime() - start;
            for (int i = 0; i < AT_A_TIME; i++) {
                lasts[i] = account.clientFinal(account.salted, firsts[i], challenges[i]);
            }
            start = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < AT_A_TIME; i++) {
                servers[i].evaluateResponse(lasts[i]);
                require(servers[i].isComplete(), "not logged in");
                require(servers[i].getAuthorizationID().equals(USER), "somebody else");
                servers[i].dispose();
            }
            elapsed += THREADS.getCurrentThreadCpuTime() - start;
            done += AT_A_TIME;
        } while (elapsed < budget);
        return elapsed / 1e3 / done;
    }

    /** Whole client logins. */
    private static double time(Account account, Callable<SaslClient> client, long budget)
            throws Exception {
        SaslClient[] clients = new SaslClient[AT_A_TIME];
        SaslServer[] servers = new SaslServer[AT_A_TIME];
        byte[][] messages = new byte[AT_A_TIME][];
        long elapsed = 0;
        long done = 0;
        int number = 1; // what hashes takes milliseconds each: fewer at a time
        do {
            long start = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < number; i++) {
                clients[i] = client.call();
                messages[i] = clients[i].evaluateChallenge(EMPTY);
            }
            long batch = THREADS.getCurrentThreadCpuTime() - start;
            for (int i = 0; i < number; i++) {
                servers[i] = new ScramSaslServer(account.mechanism, Map.of(), account.callbacks);
                messages[i] = servers[i].evaluateResponse(messages[i]);
            }
            start = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < number; i++) {
                messages[i] = clients[i].evaluateChallenge(messages[i]);
            }
            batch += THREADS.getCurrentThreadCpuTime() - start;
            for (int i = 0; i < number; i++) {
                messages[i] = servers[i].evaluateResponse(messages[i]);
            }
            start = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < number; i++) {
                clients[i].evaluateChallenge(messages[i]);
                require(clients[i].isComplete(), "not logged in");
                clients[i].dispose();
            }
            batch += THREADS.getCurrentThreadCpuTime() - start;
            elapsed += batch;
            done += number;
            if (batch < 1_000_000) {
                number = AT_A_TIME;
            }
        } while (elapsed < budget);
        return elapsed / 1e3 / done;
    }

    /** A server lets nobody in by a wrong password. */
    private static void checkRefusal(Account account, SaslServer server, boolean token)
            throws Exception {
        byte[] first = account.clientFirst(token);
        byte[] challenge = server.evaluateResponse(first);
        byte[] wrong = account.formatter.saltedPassword("wrong", SALT, ITERATIONS);
        try {
            server.evaluateResponse(account.clientFinal(wrong, first, challenge));
        } catch (SaslException e) {
            return;
        }
        throw new IllegalStateException("a wrong password was accepted");
    }

    /** A client does not believe a server that does not know its keys. */
    private static void checkDisbelief(Account account, SaslClient client) throws Exception {
        SaslServer server = new ScramSaslServer(account.mechanism, Map.of(), account.callbacks);
        client.evaluateChallenge(server.evaluateResponse(client.evaluateChallenge(EMPTY)));
        int length = account.mechanism == ScramMechanism.SCRAM_SHA_256 ? 43 : 86;
        String padding = length == 43 ? "=" : "==";
        try {
            client.evaluateChallenge(bytes("v=" + "A".repeat(length) + padding));
        } catch (SaslException e) {
            return;
        }
        throw new IllegalStateException("a wrong signature was accepted");
    }

    /** A user, and a token of hers whose HMAC is the same text: a broker's caches have both. */
    private static final class Account {
        final ScramMechanism mechanism;
        final String name;
        final ScramFormatter formatter;
        final ScramServerCallbackHandler callbacks;
        final byte[] salted;

        Account(ScramMechanism mechanism) throws Exception {
            this.mechanism = mechanism;
            name = mechanism.mechanismName();
            formatter = new ScramFormatter(mechanism);
            salted = formatter.saltedPassword(PASSWORD, SALT, ITERATIONS);
            CredentialCache users = new CredentialCache();
            DelegationTokenCache tokens = new DelegationTokenCache(ScramMechanism.mechanismNames());
            ScramCredentialUtils.createCache(users, ScramMechanism.mechanismNames());
            ScramCredential credential = formatter.generateCredential(SALT, salted, ITERATIONS);
            users.cache(name, ScramCredential.class).put(USER, credential);
            TokenInformation information =
                    new TokenInformation(
                            TOKEN_ID,
                            new KafkaPrincipal(KafkaPrincipal.USER_TYPE, USER),
                            List.of(),
                            0,
                            Long.MAX_VALUE,
                            Long.MAX_VALUE);
            DelegationToken token = new DelegationToken(information, new byte[64]);
            tokens.updateCache(token, new HashMap<>(Map.of(name, credential)));
            callbacks =
                    new ScramServerCallbackHandler(
                            users.cache(name, ScramCredential.class), tokens);
            callbacks.configure(Map.of(), name, List.of());
        }

        byte[] clientFirst(boolean token) {
            Map<String, String> extensions = token ? Map.of("tokenauth", "true") : Map.of();
            String nonce = formatter.secureRandomString();
            return new ClientFirstMessage(token ? TOKEN_ID : USER, nonce, extensions).toBytes();
        }

        byte[] clientFinal(byte[] salted, byte[] first, byte[] challenge) throws Exception {
            ClientFirstMessage clientFirst = new ClientFirstMessage(first);
            ServerFirstMessage serverFirst = new ServerFirstMessage(challenge);
            ClientFinalMessage clientFinal =
                    new ClientFinalMessage(bytes("n,,"), serverFirst.nonce());
            clientFinal.proof(
                    formatter.clientProof(salted, clientFirst, serverFirst, clientFinal));
            return clientFinal.toBytes();
        }
    }

    /** What Kafka's client asks for. */
    private static final class Credentials implements CallbackHandler {
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

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException(what);
        }
    }
}

package io.scramtoken.kafka;

import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.PrivilegedExceptionAction;
import java.security.Provider;
import java.security.ProviderException;
import java.security.Security;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.login.LoginException;
import javax.security.auth.spi.LoginModule;
import javax.security.sasl.Sasl;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import org.apache.kafka.common.errors.IllegalSaslStateException;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramCredentialCallback;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;

/** What no broker is needed for: prints "ok" when all that was asked for holds. */
public final class Checks {
    private static final String MECHANISM = "SCRAM-SHA-512";
    private static final Map<String, ?> NO_PROPERTIES = Map.of();

    private static NativeListener listener;

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "login":
                login(Map.of("username", "admin"));
                break;
            case "quick":
                options();
                subjects();
                removedProvider();
                providerInFront();
                classLoaders();
                closed();
                order();
                Misuse.run(Path.of("tests/misuse/table.txt"));
                clients();
                break;
            case "loaders":
                loaders(Integer.parseInt(args[1]), args[2]);
                break;
            case "handshakes":
                handshakes(Integer.parseInt(args[1]));
                break;
            default:
                throw new IllegalArgumentException(args[0]);
        }
        System.out.println("ok");
    }

    /** Misspelt and impossible options fail the login by a sentence that names them. */
    private static void options() {
        expectLoginFailure(Map.of("implicitToken", "true"), "does not know the option implicitToken:");
        expectLoginFailure(Map.of("audit", "yes"), "audit is yes, which is neither true nor false");
        expectLoginFailure(
                Map.of("store", "lmdb:relative"), "the option store is wrong: ");
        expectLoginFailure(Map.of("mockSecret", "short"), "mockSecret is shorter than 16 characters");
        expectLoginFailure(Map.of("mockIterations", "-1"), "mockIterations is -1, which is no count");
        expectLoginFailure(Map.of("maxIterations", "many"), "maxIterations is many, which is no");
        expectLoginFailure(
                Map.of("mockTokenIterations", "5000"), "mockTokenIterations is for a store");
        expectLoginFailure(
                Map.of("minIterations", "9", "maxIterations", "8"), "iteration limits of 9 to 8");
    }

    private static void expectLoginFailure(Map<String, String> options, String text) {
        try {
            login(options);
        } catch (LoginException e) {
            check(e.getMessage().contains(text), e.getMessage());
            return;
        }
        throw new AssertionError("accepted " + options);
    }

    /** Every Subject has its own options; without ours, Kafka's classes serve. */
    private static void subjects() throws Exception {
        Subject ours = login(Map.of("username", "admin", "password", "secret"));
        check(server(ours) instanceof ScramTokenSaslServer, "ours is not ours");
        check(isKafkas(server(new Subject())), "a Subject without options is not Kafka's");
        Object none = Sasl.createSaslServer(MECHANISM, "kafka", "localhost", NO_PROPERTIES, null);
        check(isKafkas(none), "a login without a Subject is not Kafka's");

        Subject stock = new Subject();
        LoginModule module = new ScramLoginModule();
        module.initialize(stock, null, Map.of(), Map.of("username", "admin", "password", "secret"));
        check(isKafkas(server(stock)), "stock is not Kafka's");
        check(isKafkas(client(stock)), "a stock client is not Kafka's");
        check(isKafkas(client(ours)), "a client with a password is Kafka's");
        check(server(ours) instanceof ScramTokenSaslServer, "ours is not ours any more");

        // One that is logged out has no options any more.
        Subject gone = new Subject();
        login(gone, Map.of()).logout();
        check(isKafkas(server(gone)), "logged out, and still ours");

        // A second login installs nothing more.
        int providers = Security.getProviders().length;
        login(Map.of("audit", "true"));
        check(Security.getProviders().length == providers, "a second provider");
        check(isProviderFirst(), "not the first provider");
    }

    /** Whoever removes the provider, no login of ours is Kafka's for it. */
    private static void removedProvider() throws Exception {
        Subject ours = login(Map.of());
        for (Provider provider : Security.getProviders()) {
            if (provider.getClass().getName().startsWith("io.scramtoken.")) {
                Security.removeProvider(provider.getName());
            }
        }
        check(isKafkas(server(new Subject())), "stock is not Kafka's");
        check(!isProviderFirst(), "not removed");
        check(server(ours) instanceof ScramTokenSaslServer, "removed, and not ours");
        check(isProviderFirst(), "not put back");

        Security.removeProvider("ScramToken");
        login(Map.of());
        check(isProviderFirst(), "not put back by a login");
    }

    /** Another provider in front fails the login that finds it there, and no other. */
    private static void providerInFront() throws Exception {
        Subject ours = login(Map.of());
        Provider harmless = new Provider("Harmless", "1", "") {
            private static final long serialVersionUID = 1L;
        };
        Security.insertProviderAt(harmless, 1);
        check(server(ours) instanceof ScramTokenSaslServer, "not ours");
        check(Security.getProviders()[0] == harmless, "moved without need");

        Security.insertProviderAt(new Greedy(), 1);
        check(!isKafkas(server(new Subject())), "another's login is not Greedy's");
        try {
            server(ours);
            throw new AssertionError("Greedy's");
        } catch (ProviderException e) {
            check(e.getMessage().contains("provider Greedy, which serves SCRAM too"), e.getMessage());
        }
        check(server(ours) instanceof ScramTokenSaslServer, "not ours the next time");
        check(isProviderFirst(), "not put back");

        Security.removeProvider("Greedy");
        Security.insertProviderAt(new Greedy(), 1);
        login(Map.of());
        check(isProviderFirst(), "not put back by a login");
        Security.removeProvider("Greedy");
        Security.removeProvider("Harmless");
    }

    private static boolean isProviderFirst() {
        return Security.getProviders()[0].getName().equals("ScramToken");
    }

    /** Copies of the jar in class loaders of their own, as in Connect and Flink, get along. */
    private static void classLoaders() throws Exception {
        login(Map.of());
        int before = Security.getProviders().length;
        List<Object> servers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            URLClassLoader loader = new URLClassLoader(classPath(), null);
            Class<?> checks = loader.loadClass(Checks.class.getName());
            servers.add(checks.getMethod("handshakeAsInAnotherLoader").invoke(null));
        }
        long classes = servers.stream().map(Object::getClass).distinct().count();
        check(classes == 3, "classes: " + classes);
        check(Security.getProviders().length == before, "providers of their own");
        check(mappedLibraries() == 1, "libraries: " + mappedLibraries());
    }

    /** Called by reflection: the server of a whole login. */
    public static Object handshakeAsInAnotherLoader() throws Exception {
        return new Handshake(login(Map.of())).run("secret");
    }

    /**
     * A host such as Flink or Connect, that loads a job's jar anew each time. Nothing is closed, and
     * nothing of a loader stays; but of the first, which Kafka's own security providers hold.
     */
    private static void loaders(int count, String source) throws Exception {
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            try (URLClassLoader loader = new URLClassLoader(classPath(), null)) {
                loaders.add(new WeakReference<>(loader));
                Class<?> checks = loader.loadClass(Checks.class.getName());
                checks.getMethod("handshakeAsInAnotherLoader").invoke(null);
                checks.getMethod("startAsInAnotherLoader", String.class).invoke(null, source);
            }
        }
        System.gc();
        long alive = loaders.stream().filter(loader -> loader.get() != null).count();
        check(alive <= 1, "loaders that live: " + alive);
        check(mappedLibraries() == 1, "libraries: " + mappedLibraries());
    }

    /** Called by reflection: a client that has begun its login. */
    public static void startAsInAnotherLoader(String source) throws Exception {
        SaslClient client = client(login(Map.of("source", source)));
        check(client.evaluateChallenge(new byte[0]).length > 0, "nothing to send");
    }

    /** Different files of that name, removed or not, that are mapped into this process. */
    private static long mappedLibraries() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("libscramtoken.so"))
                .map(line -> line.trim().split(" +")[4]) // the inode
                .distinct()
                .count();
    }

    private static URL[] classPath() throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(new File(path).toURI().toURL());
        }
        return urls.toArray(new URL[0]);
    }

    /** Use after close is an exception; a second close is nothing. */
    private static void closed() throws Exception {
        login(Map.of());
        NativeServer server = begin("n,,n=a,r=x");
        server.close();
        server.close();
        expect(IllegalStateException.class, () -> supplyNobody(server));
        expect(IllegalStateException.class, () -> server.finish(new byte[0], true));

        SaslServer sasl = server(login(Map.of()));
        sasl.dispose();
        sasl.evaluateResponse(bytes("n,,n=alice,r=x"));
        sasl.dispose();
        sasl.dispose();
        expect(IllegalStateException.class, () -> sasl.evaluateResponse(bytes("c=biws,r=x,p=AA==")));
        check(!sasl.isComplete(), "complete after dispose");

        // Those that nobody closes are freed by the cleaner; one that is freed twice would crash.
        for (int i = 0; i < 100_000; i++) {
            begin("n,,n=a,r=x");
        }
        System.gc();
    }

    /** Calls out of order, and with what Kafka would never pass, leave the login as it was. */
    private static void order() throws Exception {
        login(Map.of());
        byte[] key = new byte[64];
        NativeServer server = begin("n,,n=a,r=x");
        check(server.kind() == NativeServer.USER && server.name().equals("a"), server.name());
        expectNative("INVALID_ARGUMENT", () -> server.finish(bytes("c=biws"), true));
        expectNative("INVALID_ARGUMENT", () -> supply(server, NativeServer.TOKEN, new byte[9], key, 4096));
        expectNative("INVALID_ARGUMENT", () -> supply(server, 9, new byte[9], key, 4096));
        expectNative(
                "INVALID_ARGUMENT",
                () -> supply(server, NativeServer.USER, new byte[9], new byte[3], 4096));
        expectNative("INVALID_ARGUMENT", () -> supply(server, NativeServer.USER, new byte[9], key, -4096));
        expectNative("TOO_LONG", () -> supply(server, NativeServer.USER, new byte[1 << 20], key, 4096));
        expectNative("INTERNAL", () -> supply(server, NativeServer.USER, null, null, 4096));
        supply(server, NativeServer.USER, new byte[9], key, 4096);
        expectNative("INVALID_STATE", () -> supplyNobody(server));
        expectNative("MALFORMED", () -> server.finish(bytes("rubbish"), true));
        expectNative("INVALID_STATE", () -> server.finish(bytes("rubbish"), true));
        expectNative("INVALID_STATE", () -> supplyNobody(server));

        expectNative("INTERNAL", () -> NativeServer.begin(listener(), MECHANISM, null));
        expectNative("MALFORMED", () -> begin("rubbish"));
        expectNative(
                "UNSUPPORTED_MECHANISM",
                () -> NativeServer.begin(listener(), "PLAIN", bytes("n,,n=a,r=x")));
        SaslServer refused = server(login(Map.of()));
        expect(SaslException.class, () -> refused.evaluateResponse(bytes("rubbish")));
        expect(IllegalSaslStateException.class, () -> refused.evaluateResponse(bytes("n,,n=a,r=x")));
        expect(IllegalStateException.class, () -> refused.getAuthorizationID());
        expect(IllegalStateException.class, () -> refused.getNegotiatedProperty("tokenauth"));
    }

    /** A client hashes within its line's limits, and not on when it is disposed of. */
    private static void clients() throws Exception {
        Path file = Files.createTempFile("scramtoken-checks", ".json");
        try {
            Files.writeString(file, "{\"username\":\"alice\",\"password\":\"pencil\"}");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            String source = "file:" + file;
            SaslClient strict = client(login(Map.of("source", source, "maxIterations", "8192")));
            byte[] tooMany = challenge(strict, 8193);
            expect(SaslException.class, () -> strict.evaluateChallenge(tooMany));

            String hours = String.valueOf(Integer.MAX_VALUE);
            SaslClient hashing = client(login(Map.of("source", source, "maxIterations", hours)));
            byte[] forHours = challenge(hashing, Integer.MAX_VALUE);
            Thread disposes = new Thread(() -> {
                try {
                    Thread.sleep(200);
                    hashing.dispose();
                } catch (InterruptedException | SaslException e) {
                    throw new AssertionError(e);
                }
            });
            disposes.start();
            try {
                hashing.evaluateChallenge(forHours);
                throw new AssertionError("hashed for hours");
            } catch (SaslException e) {
                check(e.getMessage().contains("cancelled"), e.getMessage());
            }
            disposes.join();
        } finally {
            Files.delete(file);
        }
    }

    /** What a server would answer to the client's first message. */
    private static byte[] challenge(SaslClient client, int iterations) throws Exception {
        String first = new String(client.evaluateChallenge(new byte[0]), StandardCharsets.UTF_8);
        String nonce = first.substring(first.indexOf(",r=") + 3);
        return bytes("r=" + nonce + "theirs,s=c2FsdHNhbHQ=,i=" + iterations);
    }

    /** Whole logins, every eighth of them refused: native memory must stay where it was. */
    private static void handshakes(int count) throws Exception {
        Handshake handshake = new Handshake(login(Map.of()));
        long before = 0;
        for (int i = 0; i < count; i++) {
            if (i == count / 10) {
                before = residentKib();
            }
            boolean right = i % 8 != 0;
            check(handshake.run(right ? "secret" : "wrong").isComplete() == right, "login " + i);
        }
        long after = residentKib();
        System.out.println("resident: " + before + " KiB, then " + after + " KiB");
        check(after - before < 32 * 1024, "native memory has grown");
    }

    private static long residentKib() throws Exception {
        System.gc();
        Thread.sleep(500); // the cleaner's turn
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new AssertionError("no VmRSS");
    }

    /** Kafka's keys, and messages of a client that need no PBKDF2 at each login. */
    private static final class Handshake implements CallbackHandler {
        private final ScramFormatter formatter = new ScramFormatter(ScramMechanism.SCRAM_SHA_512);
        private final Subject subject;
        private final byte[] salt = bytes("a salt of its own");
        private final byte[] salted;
        private final ScramCredential credential;

        Handshake(Subject subject) throws Exception {
            this.subject = subject;
            salted = formatter.saltedPassword("secret", salt, 4096);
            byte[] storedKey = formatter.storedKey(formatter.clientKey(salted));
            credential = new ScramCredential(salt, storedKey, formatter.serverKey(salted), 4096);
        }

        /** The server after a login as alice. */
        SaslServer run(String password) throws Exception {
            SaslServer server = server(subject, this);
            String bare = "n=alice,r=abcdefgh";
            String first = text(server.evaluateResponse(bytes("n,," + bare)));
            String nonce = first.substring(2, first.indexOf(','));
            String covered = "c=biws,r=" + nonce;
            byte[] key = formatter.clientKey(salted);
            byte[] message = bytes(bare + "," + first + "," + covered);
            byte[] signature = formatter.hmac(formatter.storedKey(key), message);
            for (int i = 0; i < key.length; i++) {
                key[i] ^= signature[i];
            }
            if (!password.equals("secret")) {
                key[0] ^= 1;
            }
            try {
                server.evaluateResponse(
                        bytes(covered + ",p=" + Base64.getEncoder().encodeToString(key)));
            } catch (SaslException e) {
                return server;
            } finally {
                server.dispose();
            }
            check(server.getAuthorizationID().equals("alice"), "somebody else");
            return server;
        }

        @Override
        public void handle(Callback[] callbacks) {
            check(((NameCallback) callbacks[0]).getDefaultName().equals("alice"), "another name");
            ((ScramCredentialCallback) callbacks[1]).scramCredential(credential);
        }
    }

    // ---- helpers ----

    private static Subject login(Map<String, ?> options) throws LoginException {
        Subject subject = new Subject();
        login(subject, options);
        return subject;
    }

    /** As JAAS does: a module whose login fails is told to abort. */
    private static LoginModule login(Subject subject, Map<String, ?> options)
            throws LoginException {
        LoginModule module = new ScramTokenLoginModule();
        module.initialize(subject, null, Map.of(), options);
        try {
            module.login();
        } catch (LoginException e) {
            module.abort();
            throw e;
        }
        module.commit();
        return module;
    }

    private static SaslServer server(Subject subject) throws Exception {
        return server(subject, callbacks -> {});
    }

    private static SaslServer server(Subject subject, CallbackHandler handler) throws Exception {
        PrivilegedExceptionAction<SaslServer> create =
                () -> Sasl.createSaslServer(MECHANISM, "kafka", "localhost", NO_PROPERTIES, handler);
        return Subject.doAs(subject, create);
    }

    private static SaslClient client(Subject subject) throws Exception {
        String[] mechanisms = {MECHANISM};
        PrivilegedExceptionAction<SaslClient> create =
                () -> Sasl.createSaslClient(
                        mechanisms, null, "kafka", "localhost", NO_PROPERTIES, callbacks -> {});
        return Subject.doAs(subject, create);
    }

    private static boolean isKafkas(Object object) {
        return object != null && object.getClass().getName().startsWith("org.apache.kafka.");
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void expect(Class<? extends Exception> wanted, Call call) throws Exception {
        try {
            call.run();
        } catch (Exception e) {
            if (wanted.isInstance(e)) {
                return;
            }
            throw e;
        }
        throw new AssertionError("no " + wanted);
    }

    private static NativeServer begin(String clientFirst) throws NativeException {
        return NativeServer.begin(listener(), MECHANISM, bytes(clientFirst));
    }

    /** Where the library has been loaded. */
    private static synchronized NativeListener listener() throws NativeException {
        if (listener == null) {
            listener = new NativeListener(false, false, new byte[16], null, 4096, 4096, null);
        }
        return listener;
    }

    private static byte[] supplyNobody(NativeServer server) throws NativeException {
        return supply(server, NativeServer.NOBODY, new byte[9], new byte[64], 4096);
    }

    private static byte[] supply(
            NativeServer server, int kind, byte[] salt, byte[] key, int iterations)
            throws NativeException {
        return server.supply(kind, new ScramCredential(salt, key, key, iterations), "", -1);
    }

    private static void expectNative(String status, Call call) throws Exception {
        try {
            call.run();
        } catch (NativeException e) {
            check(e.status().equals(status), e.status() + ": " + e.getMessage());
            return;
        }
        throw new AssertionError("no " + status);
    }

    private static void check(boolean holds, String text) {
        if (!holds) {
            throw new AssertionError(text);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}

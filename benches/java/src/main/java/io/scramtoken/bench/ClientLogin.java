package io.scramtoken.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.PrivilegedExceptionAction;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.security.auth.Subject;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.sasl.Sasl;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A client's two messages, its source read anew each time: cold at a challenge that it has not seen,
 * warm at the one of its last login.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class ClientLogin {
    @Param({"SCRAM-SHA-256", "SCRAM-SHA-512"})
    public String mechanism;

    @Param public Party party;

    private static final byte[] EMPTY = new byte[0];

    private Subject subject;
    private PrivilegedExceptionAction<SaslClient> bySasl;
    private PrivilegedExceptionAction<SaslClient> byFactory;
    private Path file;
    private long number;

    @Setup
    public void setUp() throws Exception {
        var onlyOwner =
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
        file = Files.createTempFile("bench-", ".json", onlyOwner);
        Files.writeString(
                file,
                String.format(
                        "{\"username\": \"%s\", \"password\": \"%s\"}", Party.NAME, Party.PASSWORD));
        subject =
                party.subject(
                        party == Party.SCRAMTOKEN ? Map.of("source", "file:" + file) : Map.of());
        String[] mechanisms = {mechanism};
        CallbackHandler handler = ClientLogin::handle;
        bySasl =
                () -> Sasl.createSaslClient(
                        mechanisms, null, "kafka", "localhost", Map.of(), handler);
        SaslClientFactory factory = party.clientFactory(mechanism);
        byFactory =
                () -> factory.createSaslClient(
                        mechanisms, null, "kafka", "localhost", Map.of(), handler);
    }

    @TearDown
    public void tearDown() throws Exception {
        Files.delete(file);
    }

    @Benchmark
    public byte[] cold() throws Exception {
        number++;
        return login(bySasl, Party.bytes("salt " + number));
    }

    @Benchmark
    public byte[] warm() throws Exception {
        return login(bySasl, Party.SALT);
    }

    /** Without the JDK's search for the provider. */
    @Benchmark
    public byte[] warmByFactory() throws Exception {
        return login(byFactory, Party.SALT);
    }

    private byte[] login(PrivilegedExceptionAction<SaslClient> create, byte[] salt)
            throws Exception {
        SaslClient client = Party.in(subject, create);
        String first = Party.text(client.evaluateChallenge(EMPTY));
        String nonce = first.substring(first.indexOf("r=") + 2);
        String challenge =
                "r=" + nonce + "0123456789,s=" + Base64.getEncoder().encodeToString(salt)
                        + ",i=" + Party.ITERATIONS;
        byte[] last = client.evaluateChallenge(Party.bytes(challenge));
        client.dispose();
        return last;
    }

    /** For Kafka's client, which asks so for its credential and for extensions. */
    private static void handle(Callback[] callbacks) {
        for (Callback callback : callbacks) {
            if (callback instanceof NameCallback) {
                ((NameCallback) callback).setName(Party.NAME);
            } else if (callback instanceof PasswordCallback) {
                ((PasswordCallback) callback).setPassword(Party.PASSWORD.toCharArray());
            }
        }
    }
}

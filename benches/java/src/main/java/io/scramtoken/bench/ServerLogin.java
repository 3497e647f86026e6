package io.scramtoken.bench;

import java.security.PrivilegedExceptionAction;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.security.auth.Subject;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.Sasl;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramCredentialCallback;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * A broker's side of a login, from Sasl.createSaslServer to dispose. A client's proof depends on the
 * server's nonce, so it is made within the measured time: take {@link #clientShare} off.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class ServerLogin {
    @Param({"SCRAM-SHA-256", "SCRAM-SHA-512"})
    public String mechanism;

    @Param public Party party;

    private static final String BARE = "n=" + Party.NAME + ",r=4sHMfiT6hAJAkFRVGGCIYxsi";
    private static final byte[] CLIENT_FIRST = Party.bytes("n,," + BARE);

    private ScramFormatter formatter;
    private Subject subject;
    private PrivilegedExceptionAction<SaslServer> bySasl;
    private PrivilegedExceptionAction<SaslServer> byFactory;
    private CallbackHandler handler;
    private byte[] clientKey;
    private byte[] storedKey;
    private byte[] aServerFirst;

    @Setup
    public void setUp() throws Exception {
        formatter = new ScramFormatter(ScramMechanism.forMechanismName(mechanism));
        byte[] salted = formatter.saltedPassword(Party.PASSWORD, Party.SALT, Party.ITERATIONS);
        clientKey = formatter.clientKey(salted);
        storedKey = formatter.storedKey(clientKey);
        ScramCredential credential =
                new ScramCredential(
                        Party.SALT, storedKey, formatter.serverKey(salted), Party.ITERATIONS);
        handler = callbacks -> ((ScramCredentialCallback) callbacks[1]).scramCredential(credential);
        subject = party.subject(Map.of());
        bySasl = () -> Sasl.createSaslServer(mechanism, "kafka", "localhost", Map.of(), handler);
        SaslServerFactory factory = party.serverFactory(mechanism);
        byFactory =
                () -> factory.createSaslServer(mechanism, "kafka", "localhost", Map.of(), handler);
        SaslServer server = Party.in(subject, bySasl);
        aServerFirst = server.evaluateResponse(CLIENT_FIRST);
        boolean ours = server.getClass().getName().startsWith("io.scramtoken");
        if (ours != (party == Party.SCRAMTOKEN)) {
            throw new IllegalStateException("served by " + server.getClass());
        }
    }

    @Benchmark
    public String login() throws Exception {
        return login(bySasl);
    }

    /** Without the JDK's search for the provider. */
    @Benchmark
    public String loginByFactory() throws Exception {
        return login(byFactory);
    }

    @Benchmark
    public byte[] clientShare() throws Exception {
        return clientFinal(aServerFirst);
    }

    private String login(PrivilegedExceptionAction<SaslServer> create) throws Exception {
        SaslServer server = Party.in(subject, create);
        byte[] serverFirst = server.evaluateResponse(CLIENT_FIRST);
        server.evaluateResponse(clientFinal(serverFirst));
        String name = server.getAuthorizationID();
        server.dispose();
        return name;
    }

    private byte[] clientFinal(byte[] challenge) throws Exception {
        String serverFirst = Party.text(challenge);
        String covered = "c=biws," + serverFirst.substring(0, serverFirst.indexOf(','));
        byte[] proof =
                formatter.hmac(storedKey, Party.bytes(BARE + "," + serverFirst + "," + covered));
        for (int i = 0; i < proof.length; i++) {
            proof[i] ^= clientKey[i];
        }
        return Party.bytes(covered + ",p=" + Base64.getEncoder().encodeToString(proof));
    }
}

package io.scramtoken.bench;

import java.security.Provider;
import java.security.Security;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.security.auth.Subject;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.Sasl;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What the JDK takes for itself of every login: Sasl.createSaslServer inside a Subject, of a mechanism
 * of the first provider that makes nothing.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class ProviderSearch {
    private static final String MECHANISM = "SCRAM-SHA-0";

    private final Subject subject = new Subject();

    @Setup
    public void setUp() throws Exception {
        Party.SCRAMTOKEN.subject(Map.of()); // puts both parties' providers where they are in a broker
        Security.insertProviderAt(new Nothing(), 1);
    }

    @Benchmark
    public SaslServer createSaslServer() throws Exception {
        return Party.in(
                subject,
                () -> Sasl.createSaslServer(MECHANISM, "kafka", "localhost", Map.of(), null));
    }

    private static final class Nothing extends Provider {
        private static final long serialVersionUID = 1L;

        Nothing() {
            super("Nothing", "1", "");
            put("SaslServerFactory." + MECHANISM, Factory.class.getName());
        }
    }

    /** For Sasl. */
    public static final class Factory implements SaslServerFactory {
        @Override
        public SaslServer createSaslServer(
                String mechanism,
                String protocol,
                String serverName,
                Map<String, ?> properties,
                CallbackHandler handler) {
            return null;
        }

        @Override
        public String[] getMechanismNames(Map<String, ?> properties) {
            return new String[] {MECHANISM};
        }
    }
}

package io.scramtoken.kafka;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a JAAS line of {@link ScramTokenLoginModule} asks for. */
final class Options {
    private static final Logger LOG = LoggerFactory.getLogger(ScramTokenLoginModule.class);
    private static final String IMPLICIT_TOKENS = "implicitTokens";
    private static final String DOUBLED_NONCE = "doubledNonce";
    private static final String MOCK_SECRET = "mockSecret";
    private static final String MOCK_ITERATIONS = "mockIterations";
    private static final String MOCK_TOKEN_ITERATIONS = "mockTokenIterations";
    private static final String AUDIT = "audit";
    private static final String STORE = "store";
    private static final String SOURCE = "source";
    private static final String MIN_ITERATIONS = "minIterations";
    private static final String MAX_ITERATIONS = "maxIterations";
    /** Kafka's own, for clients. */
    private static final List<String> KAFKAS = List.of("username", "password", "tokenauth");
    private static final List<String> OURS =
            List.of(
                    SOURCE,
                    MIN_ITERATIONS,
                    MAX_ITERATIONS,
                    IMPLICIT_TOKENS,
                    DOUBLED_NONCE,
                    MOCK_SECRET,
                    MOCK_ITERATIONS,
                    MOCK_TOKEN_ITERATIONS,
                    AUDIT,
                    STORE);
    private static final int MIN_SECRET_LENGTH = 16;

    private final boolean implicitTokens;
    private final boolean doubledNonce;
    private final boolean audit;
    private final boolean hasStore;
    private final IterationLimits iterationLimits;
    private final NativeSource source;
    private final NativeListener listener;

    private Options(Map<String, ?> line) {
        implicitTokens = flag(line, IMPLICIT_TOKENS);
        doubledNonce = flag(line, DOUBLED_NONCE);
        audit = flag(line, AUDIT);
        hasStore = line.containsKey(STORE);
        iterationLimits =
                new IterationLimits(
                        count(line, MIN_ITERATIONS, IterationLimits.DEFAULT.min),
                        count(line, MAX_ITERATIONS, IterationLimits.DEFAULT.max));
        source = source(line);
        listener = listener(line);
    }

    private NativeListener listener(Map<String, ?> line) {
        byte[] mockSecret = secret(line);
        int mockIterations = count(line, MOCK_ITERATIONS, MockTokens.ITERATIONS);
        int mockTokenIterations = tokenIterations(line);
        NativeStore store = store(line);
        try {
            return new NativeListener(
                    implicitTokens,
                    doubledNonce,
                    mockSecret,
                    hasStore ? null : MockTokens.SECRET,
                    mockIterations,
                    mockTokenIterations,
                    store);
        } catch (NativeException e) {
            throw new IllegalArgumentException(e.getMessage());
        }
    }

    /**
     * Reads a JAAS line.
     *
     * @throws IllegalArgumentException for an unknown option, or a value that cannot be
     */
    static Options parse(Map<String, ?> line) {
        for (String name : line.keySet()) {
            if (!KAFKAS.contains(name) && !OURS.contains(name)) {
                throw new IllegalArgumentException(
                        "ScramTokenLoginModule does not know the option " + name + ": it takes "
                                + String.join(", ", KAFKAS) + ", " + String.join(", ", OURS));
            }
        }
        return new Options(line);
    }

    boolean audit() {
        return audit;
    }

    /** Which counts clients hash for the broker. */
    IterationLimits iterationLimits() {
        return iterationLimits;
    }

    /** Where clients find their current credential; null where the line has one of its own. */
    NativeSource source() {
        return source;
    }

    /** What the logins of a broker's listener share. */
    NativeListener listener() {
        return listener;
    }

    /** For the log: no secrets. */
    @Override
    public String toString() {
        if (source != null) {
            return "the credential is a source's";
        }
        return "users and tokens are " + (hasStore ? "a store's" : "Kafka's")
                + ", " + IMPLICIT_TOKENS + "=" + implicitTokens
                + ", " + DOUBLED_NONCE + "=" + doubledNonce
                + ", " + AUDIT + "=" + audit;
    }

    private static NativeStore store(Map<String, ?> line) {
        Object uri = line.get(STORE);
        if (uri == null) {
            return null;
        }
        try {
            NativeStore store = new NativeStore(uri.toString());
            String warning = store.warning();
            if (warning != null) {
                LOG.warn("{}", warning);
            }
            return store;
        } catch (NativeException e) {
            throw wrong(STORE, "wrong: " + e.getMessage());
        }
    }

    private static NativeSource source(Map<String, ?> line) {
        Object uri = line.get(SOURCE);
        if (uri == null) {
            return null;
        }
        for (String name : KAFKAS) {
            if (line.containsKey(name)) {
                throw new IllegalArgumentException(
                        "the option " + name + " stands beside " + SOURCE + ", which takes its place");
            }
        }
        try {
            return new NativeSource(uri.toString());
        } catch (NativeException e) {
            throw wrong(SOURCE, "wrong: " + e.getMessage());
        }
    }

    private static boolean flag(Map<String, ?> line, String name) {
        Object value = line.get(name);
        if (value == null || value.equals("false")) {
            return false;
        }
        if (value.equals("true")) {
            return true;
        }
        throw wrong(name, value + ", which is neither true nor false");
    }

    private static byte[] secret(Map<String, ?> line) {
        Object value = line.get(MOCK_SECRET);
        if (value == null) {
            return line.containsKey(STORE) ? null : randomSecret();
        }
        if (value.toString().length() < MIN_SECRET_LENGTH) {
            throw wrong(MOCK_SECRET, "shorter than " + MIN_SECRET_LENGTH + " characters");
        }
        return value.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Kafka leaves nobody a choice, a store's token manager does. */
    private static int tokenIterations(Map<String, ?> line) {
        if (line.containsKey(MOCK_TOKEN_ITERATIONS) && !line.containsKey(STORE)) {
            throw wrong(
                    MOCK_TOKEN_ITERATIONS,
                    "for a " + STORE + ": Kafka's tokens have " + MockTokens.ITERATIONS);
        }
        return count(line, MOCK_TOKEN_ITERATIONS, MockTokens.ITERATIONS);
    }

    private static int count(Map<String, ?> line, String name, int unlessSet) {
        Object value = line.get(name);
        if (value == null) {
            return unlessSet;
        }
        try {
            int count = Integer.parseInt(value.toString());
            if (count > 0) {
                return count;
            }
        } catch (NumberFormatException e) {
            // The same answer as for 0.
        }
        throw wrong(name, value + ", which is no count from 1");
    }

    static byte[] randomSecret() {
        byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        return secret;
    }

    private static IllegalArgumentException wrong(String name, String what) {
        return new IllegalArgumentException("the option " + name + " is " + what);
    }
}

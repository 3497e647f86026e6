package io.scramtoken.kafka;

import org.apache.kafka.common.security.scram.ScramCredential;

/**
 * What challenges for unknown tokens are made from. Every broker salts a real token anew when it
 * learns of it, so this secret too is each JVM's own; a secret that all brokers share would show
 * by its one salt that there is no such token.
 */
final class MockTokens {
    /** Kafka's count for every token. */
    static final int ITERATIONS = 4096;

    static final byte[] SECRET = Options.randomSecret();

    private static final ScramCredential OF_SHA_256 = withKeysOf(32);
    private static final ScramCredential OF_SHA_512 = withKeysOf(64);

    private MockTokens() {}

    /** As long as a real one, and nobody's: handing it over takes as long, and that is all. */
    static ScramCredential credential(String mechanism) {
        return mechanism.equals("SCRAM-SHA-256") ? OF_SHA_256 : OF_SHA_512;
    }

    private static ScramCredential withKeysOf(int length) {
        return new ScramCredential(new byte[26], new byte[length], new byte[length], ITERATIONS);
    }
}

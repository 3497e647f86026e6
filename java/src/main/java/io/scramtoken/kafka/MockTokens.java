package io.scramtoken.kafka;

/**
 * What challenges for unknown tokens are made from. Every broker salts a real token anew when it
 * learns of it, so this secret too is each JVM's own; a secret that all brokers share would show
 * by its one salt that there is no such token.
 */
final class MockTokens {
    /** Kafka's count for every token. */
    static final int ITERATIONS = 4096;

    static final byte[] SECRET = Options.randomSecret();

    private MockTokens() {}
}

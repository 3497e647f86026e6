package io.scramtoken.kafka;

import java.lang.ref.Reference;

/** What all logins of one JAAS line share. Thread-safe but for {@link #close}. */
final class NativeListener extends NativeObject {
    /**
     * A listener whose users and tokens are Kafka's, or a store's.
     *
     * @param mockSecret what challenges for unknown users are made from; null for the store's own
     * @param mockTokenSecret likewise for unknown tokens; null for that of users
     * @param mockIterations the iteration count of those for users
     * @param mockTokenIterations the iteration count of those for tokens
     * @param store where users and tokens are, or null for Kafka's
     */
    NativeListener(
            boolean implicitTokens,
            boolean doubledNonce,
            byte[] mockSecret,
            byte[] mockTokenSecret,
            int mockIterations,
            int mockTokenIterations,
            NativeStore store)
            throws NativeException {
        super(
                open(
                        implicitTokens,
                        doubledNonce,
                        mockSecret,
                        mockTokenSecret,
                        mockIterations,
                        mockTokenIterations,
                        store == null ? 0 : store.handle()));
        Reference.reachabilityFence(store);
    }

    private static native long open(
            boolean implicitTokens,
            boolean doubledNonce,
            byte[] mockSecret,
            byte[] mockTokenSecret,
            int mockIterations,
            int mockTokenIterations,
            long store)
            throws NativeException;
}

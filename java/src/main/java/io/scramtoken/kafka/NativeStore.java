package io.scramtoken.kafka;

/**
 * Where a listener finds users and tokens, in place of Kafka's caches: shared with every process of
 * the host that has it open. Thread-safe but for {@link #close}, which waits for the garbage
 * collector: logins keep their store.
 */
final class NativeStore extends NativeObject {
    /**
     * A store by its URI, {@code lmdb:/path}, made where it is missing.
     *
     * @throws NativeException where it cannot be opened; the text says what to do
     */
    NativeStore(String uri) throws NativeException {
        super(open(uri));
    }

    /** What the log should be told: that others had rights on the store. Null for nothing. */
    String warning() throws NativeException {
        return warning(handle());
    }

    private static native long open(String uri) throws NativeException;

    private native String warning(long store) throws NativeException;
}

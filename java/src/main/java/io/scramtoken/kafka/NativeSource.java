package io.scramtoken.kafka;

/**
 * Where clients find their current credential, with a cache of the keys that they derived. It is read
 * at each login. Thread-safe but for {@link #close}, which waits for the garbage collector: clients
 * keep their source.
 */
final class NativeSource extends NativeObject {
    /**
     * A source by its URI: {@code file:/path}, {@code dir:/path} or {@code env:}.
     *
     * @throws NativeException (INVALID_ARGUMENT) for anything else
     */
    NativeSource(String uri) throws NativeException {
        super(open(uri));
    }

    private static native long open(String uri) throws NativeException;
}

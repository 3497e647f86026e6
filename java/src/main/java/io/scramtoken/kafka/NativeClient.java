package io.scramtoken.kafka;

import java.lang.ref.Reference;

/**
 * One login, client side (RFC 5802), in the order of the methods here. A step that fails ends the
 * login. For one thread at a time, but for {@link #cancel}.
 */
final class NativeClient extends NativeObject {
    private final byte[] first;
    private final String warning;

    private NativeClient(long handle, Object[] started) {
        super(handle);
        first = (byte[]) started[0];
        warning = (String) started[1];
    }

    /**
     * Reads the source and begins a login with what it has now.
     *
     * @param limits the iteration counts to hash for the server
     * @throws NativeException where the source has nothing to log in with
     */
    static NativeClient begin(String mechanism, NativeSource source, IterationLimits limits)
            throws NativeException {
        Object[] started = new Object[2];
        try {
            long handle = begin(mechanism, source.handle(), limits.min, limits.max, started);
            return new NativeClient(handle, started);
        } finally {
            Reference.reachabilityFence(source);
        }
    }

    /** The client-first-message. */
    byte[] first() {
        return first;
    }

    /** What the source wants its owner to know, or null. */
    String warning() {
        return warning;
    }

    /** Takes the server's challenge, hashes, and returns the client-final-message. */
    synchronized byte[] answer(byte[] message) throws NativeException {
        return answer(handle(), message);
    }

    /** The server has proved itself when this returns. */
    synchronized void finish(byte[] message) throws NativeException {
        finish(handle(), message);
    }

    /**
     * Cancels the login, from any thread: an {@link #answer} that is hashing, or else the next step,
     * fails with CANCELLED.
     */
    void cancel() throws NativeException {
        unlessClosed(NativeClient::cancel);
    }

    private static native long begin(
            String mechanism, long source, int minIterations, int maxIterations, Object[] started)
            throws NativeException;

    private static native void cancel(long client) throws NativeException;

    private native byte[] answer(long client, byte[] message) throws NativeException;

    private native void finish(long client, byte[] message) throws NativeException;
}

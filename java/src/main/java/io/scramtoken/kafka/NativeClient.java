package io.scramtoken.kafka;

import java.lang.ref.Reference;

/**
 * One login, client side (RFC 5802), in the order of the methods here. Any exception ends the login.
 * Times are milliseconds since 1970.
 */
final class NativeClient extends NativeObject {
    NativeClient(String mechanism, NativeSource source) throws NativeException {
        super(open(mechanism, source.handle()), NativeClient::free);
        Reference.reachabilityFence(source);
    }

    /** Reads the source; the client-first-message. */
    synchronized byte[] start(long nowMs) throws NativeException {
        return start(handle(), nowMs);
    }

    /** After {@link #start}: what the source wants its owner to know, or null. */
    synchronized String warning() throws NativeException {
        return warning(handle());
    }

    /** Takes the server's challenge; the client-final-message. */
    synchronized byte[] answer(byte[] message) throws NativeException {
        return answer(handle(), message);
    }

    /** The server has proved itself when this returns. */
    synchronized void finish(byte[] message) throws NativeException {
        finish(handle(), message);
    }

    private static native long open(String mechanism, long source) throws NativeException;

    private static native void free(long client);

    private native byte[] start(long client, long nowMs) throws NativeException;

    private native String warning(long client) throws NativeException;

    private native byte[] answer(long client, byte[] message) throws NativeException;

    private native void finish(long client, byte[] message) throws NativeException;
}

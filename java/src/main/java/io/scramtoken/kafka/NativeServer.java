package io.scramtoken.kafka;

import java.lang.ref.Reference;
import org.apache.kafka.common.security.scram.ScramCredential;

/**
 * One login, server side (RFC 5802), in the order of the methods here. Any exception ends the login.
 * Times are milliseconds since 1970.
 */
final class NativeServer extends NativeObject {
    /** Kinds of name that {@link #readClientFirst} asks for; {@code EITHER} is a user first. */
    static final int USER = 1;

    static final int TOKEN = 2;
    static final int EITHER = 3;

    NativeServer(String mechanism, boolean implicitTokens, boolean doubledNonce)
            throws NativeException {
        super(open(mechanism, implicitTokens, doubledNonce));
    }

    /** Reads the client-first-message: as what {@link #name} is to be looked up. */
    synchronized int readClientFirst(byte[] message) throws NativeException {
        return readClientFirst(handle(), message);
    }

    /** The name to look up: not empty, no NUL, otherwise anything. */
    synchronized String name() throws NativeException {
        return name(handle());
    }

    /** The name is a user's; the challenge to send. */
    synchronized byte[] supplyUser(ScramCredential user) throws NativeException {
        return supplyUser(
                handle(), user.salt(), user.iterations(), user.storedKey(), user.serverKey());
    }

    /** The name is a token's id; the challenge to send. */
    synchronized byte[] supplyToken(ScramCredential token, String owner, long expiryMs)
            throws NativeException {
        return supplyToken(
                handle(),
                token.salt(),
                token.iterations(),
                token.storedKey(),
                token.serverKey(),
                owner,
                expiryMs);
    }

    /** Nobody has that name; a made-up challenge, with a salt like Kafka's. */
    synchronized byte[] supplyUnknown(byte[] mockSecret, int iterations) throws NativeException {
        return supplyUnknown(handle(), mockSecret, iterations);
    }

    /**
     * Looks the name up in a store; the challenge to send. Names that it does not know get one that is
     * made up from {@code mockSecret}, or from the store's own where that is null.
     */
    synchronized byte[] supplyFromStore(NativeStore store, byte[] mockSecret, int iterations)
            throws NativeException {
        try {
            return supplyFromStore(handle(), store.handle(), mockSecret, iterations);
        } finally {
            Reference.reachabilityFence(store);
        }
    }

    /** Judges the client-final-message: the client is authenticated when this returns. */
    synchronized byte[] finish(byte[] message, long nowMs) throws NativeException {
        return finish(handle(), message, nowMs);
    }

    /** Of an authenticated login: the user, or the token's owner. */
    synchronized String principal() throws NativeException {
        return principal(handle());
    }

    /** Of an authenticated login: whether it was a token's. */
    synchronized boolean isToken() throws NativeException {
        return isToken(handle());
    }

    /** Of an authenticated login: when the token ends; null for never, as for a user. */
    synchronized Long expiryMs() throws NativeException {
        long expiryMs = expiryMs(handle());
        return expiryMs == -1 ? null : expiryMs;
    }

    /** Whether the client is a librdkafka before 2.6.1. */
    synchronized boolean isNonceDoubled() throws NativeException {
        return isNonceDoubled(handle());
    }

    /**
     * Of a decided login: the name that was asked for, the token's owner and its id; escaped and cut,
     * null where there is none.
     */
    synchronized String[] loggableNames() throws NativeException {
        return loggableNames(handle());
    }

    private static native long open(
            String mechanism, boolean implicitTokens, boolean doubledNonce) throws NativeException;

    private native int readClientFirst(long server, byte[] message) throws NativeException;

    private native String name(long server) throws NativeException;

    private native byte[] supplyUser(
            long server, byte[] salt, int iterations, byte[] storedKey, byte[] serverKey)
            throws NativeException;

    private native byte[] supplyToken(
            long server,
            byte[] salt,
            int iterations,
            byte[] storedKey,
            byte[] serverKey,
            String owner,
            long expiryMs)
            throws NativeException;

    private native byte[] supplyUnknown(long server, byte[] mockSecret, int iterations)
            throws NativeException;

    private native byte[] supplyFromStore(
            long server, long store, byte[] mockSecret, int iterations) throws NativeException;

    private native byte[] finish(long server, byte[] message, long nowMs) throws NativeException;

    private native String principal(long server) throws NativeException;

    private native boolean isToken(long server) throws NativeException;

    private native long expiryMs(long server) throws NativeException;

    private native boolean isNonceDoubled(long server) throws NativeException;

    private native String[] loggableNames(long server) throws NativeException;
}

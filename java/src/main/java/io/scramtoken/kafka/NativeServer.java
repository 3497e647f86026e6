package io.scramtoken.kafka;

import java.lang.ref.Reference;
import org.apache.kafka.common.security.scram.ScramCredential;

/**
 * One login, server side (RFC 5802), in the order of the methods here: {@link #begin}, where the
 * listener has no store {@link #supply}, {@link #finish}. A step that the peer makes fail
 * ends the login; a call out of order is INVALID_STATE and leaves it as it was. For one thread at a
 * time. Times are milliseconds since 1970.
 */
final class NativeServer extends NativeObject {
    /** Kinds of name to look up; {@code EITHER} is a user first, {@code NOBODY} only an answer. */
    static final int NOBODY = 0;

    static final int USER = 1;

    static final int TOKEN = 2;
    static final int EITHER = 3;

    private final byte[] challenge;
    private final String name;
    private final int kind;
    /** Whom to treat the peer as once it has proved itself; null where a store says so. */
    private String principal;

    private NativeServer(long handle, Object[] asked, int kind) {
        super(handle);
        challenge = (byte[]) asked[0];
        name = (String) asked[1];
        this.kind = kind;
    }

    /**
     * Takes the client-first-message.
     *
     * @throws NativeException where the login is refused; it has the names of whom
     */
    static NativeServer begin(NativeListener listener, String mechanism, byte[] message)
            throws NativeException {
        Object[] asked = new Object[2];
        int[] kind = new int[1];
        try {
            long handle = begin(listener.handle(), number(mechanism), message, asked, kind);
            return new NativeServer(handle, asked, kind[0]);
        } finally {
            Reference.reachabilityFence(listener);
        }
    }

    /** The challenge to send; null where the listener has no store, and something is to be supplied. */
    byte[] challenge() {
        return challenge;
    }

    /** Without a store: the name to look up. Not empty, no NUL, otherwise anything. */
    String name() {
        return name;
    }

    /** Without a store: as what to look it up. */
    int kind() {
        return kind;
    }

    /**
     * Without a store: answers who has the name; the challenge to send. One is supplied for nobody,
     * too, with any credential, so that it takes as long.
     *
     * @param kind {@link #USER}, {@link #TOKEN} or {@link #NOBODY}
     * @param owner of a token
     * @param expiryMs of a token; -1 for never
     */
    synchronized byte[] supply(int kind, ScramCredential credential, String owner, long expiryMs)
            throws NativeException {
        byte[] toSend =
                supply(
                        handle(),
                        kind,
                        credential.salt(),
                        credential.iterations(),
                        credential.storedKey(),
                        credential.serverKey(),
                        owner,
                        expiryMs);
        principal = kind == TOKEN ? owner : name;
        return toSend;
    }

    /**
     * Judges the client-final-message: the client is authenticated when this returns.
     *
     * @param isAudited whether the verdict is to have the names that a log shows
     */
    synchronized Verdict finish(byte[] message, boolean isAudited) throws NativeException {
        Object[] names = principal == null || isAudited ? new Object[4] : null;
        long[] numbers = new long[3];
        byte[] serverFinal = finish(handle(), message, names, numbers, isAudited);
        return new Verdict(serverFinal, principal, names, numbers);
    }

    /** The mechanism's number in the library; 0 is none. */
    private static int number(String mechanism) {
        switch (mechanism) {
            case "SCRAM-SHA-256":
                return 1;
            case "SCRAM-SHA-512":
                return 2;
            default:
                return 0;
        }
    }

    /** What an accepted login came to. */
    static final class Verdict {
        /** The server-final-message to send. */
        final byte[] serverFinal;
        /** Whom to treat the peer as: the user, or the token's owner. */
        final String principal;
        /** Whether it was a token's login. */
        final boolean isToken;
        /** When the token ends; null for never, as for a user. */
        final Long expiryMs;
        /** Whether the client is a librdkafka before 2.6.1. */
        final boolean isNonceDoubled;
        /**
         * Where it is audited, requester, token's owner and its id, escaped and cut; null where there
         * is none.
         */
        final String[] loggableNames;

        private Verdict(byte[] serverFinal, String supplied, Object[] names, long[] numbers) {
            this.serverFinal = serverFinal;
            principal = supplied == null ? (String) names[0] : supplied;
            isToken = numbers[0] != 0;
            expiryMs = isToken && numbers[1] != -1 ? (Long) numbers[1] : null;
            isNonceDoubled = numbers[2] != 0;
            loggableNames =
                    names == null
                            ? null
                            : new String[] {
                                (String) names[1], (String) names[2], (String) names[3]
                            };
        }
    }

    private static native long begin(
            long listener, int mechanism, byte[] message, Object[] asked, int[] kind)
            throws NativeException;

    private native byte[] supply(
            long server,
            int kind,
            byte[] salt,
            int iterations,
            byte[] storedKey,
            byte[] serverKey,
            String owner,
            long expiryMs)
            throws NativeException;

    private native byte[] finish(
            long server, byte[] message, Object[] verdict, long[] numbers, boolean isAudited)
            throws NativeException;
}

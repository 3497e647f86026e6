package io.scramtoken.kafka;

/**
 * What the native library refuses, and why: a status of the C API by its name, such as
 * {@code INVALID_PROOF}, and a sentence without secrets for the owner's log.
 *
 * <p>It has no stack trace, since peers can cause it at will.
 */
final class NativeException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String status;
    private final transient String[] loggableNames;

    NativeException(String status, String message) {
        this(status, message, new String[3]);
    }

    /** Called by the native library. */
    NativeException(String status, String message, String[] loggableNames) {
        super(message, null, false, false);
        this.status = status;
        this.loggableNames = loggableNames;
    }

    String status() {
        return status;
    }

    /**
     * Of a login that was refused: the name that was asked for, the token's owner and its id; escaped
     * and cut, null where there is none.
     */
    String[] loggableNames() {
        return loggableNames;
    }
}

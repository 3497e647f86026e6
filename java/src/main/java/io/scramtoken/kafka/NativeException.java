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

    NativeException(String status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    String status() {
        return status;
    }
}

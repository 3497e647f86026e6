package io.scramtoken.kafka;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the broker's logs of decided logins: why one was refused, and, where {@code audit} is on,
 * one line of JSON for each. Refusals are rate-limited, logins that succeed are not. Thread-safe.
 */
final class LoginLog {
    private static final Logger REASONS = LoggerFactory.getLogger(ScramTokenSaslServer.class);
    private static final Logger AUDIT = LoggerFactory.getLogger("io.scramtoken.audit");
    private static final int REFUSALS_PER_SECOND = 10;
    private static final RateLimit REFUSALS = new RateLimit(REFUSALS_PER_SECOND);
    /** Refusals where nothing is audited take no audit lines from where it is. */
    private static final RateLimit AUDITED_REFUSALS = new RateLimit(REFUSALS_PER_SECOND);

    private LoginLog() {}

    static void authenticated(String mechanism, NativeServer.Verdict verdict) {
        AUDIT.info(json("OK", mechanism, verdict.loggableNames, verdict.isNonceDoubled, 0));
    }

    static void refused(String mechanism, NativeException reason, boolean audit) {
        String[] names = reason.loggableNames();
        if (audit) {
            long leftOut = AUDITED_REFUSALS.admit(System.nanoTime());
            if (leftOut != RateLimit.LEAVE_OUT) {
                AUDIT.info(json(reason.status(), mechanism, names, false, leftOut));
            }
        }
        long leftOut = REFUSALS.admit(System.nanoTime());
        if (leftOut == RateLimit.LEAVE_OUT) {
            return;
        }
        String before = leftOut == 0 ? "" : " (" + leftOut + " refusals before it not shown)";
        REASONS.info(
                "Refused {} by {}{}: {}: {}",
                names[0] == null ? "a login" : "a login as " + names[0],
                mechanism,
                before,
                reason.status(),
                reason.getMessage());
    }

    /** The fields of the C API's audit events. */
    private static String json(
            String status, String mechanism, String[] names, boolean doubledNonce, long leftOut) {
        StringBuilder json = new StringBuilder(200);
        json.append("{\"time_ms\":").append(System.currentTimeMillis());
        json.append(",\"operation\":\"login\"");
        text(json, "status", status);
        text(json, "mechanism", mechanism);
        text(json, "requester", names[0]);
        text(json, "owner", names[1]);
        text(json, "token_id", names[2]);
        json.append(",\"doubled_nonce\":").append(doubledNonce);
        if (leftOut > 0) {
            json.append(",\"left_out\":").append(leftOut);
        }
        return json.append('}').toString();
    }

    /** The native library has escaped control characters already. */
    private static void text(StringBuilder json, String field, String value) {
        json.append(",\"").append(field).append("\":");
        if (value == null) {
            json.append("null");
            return;
        }
        json.append('"').append(value.replace("\\", "\\\\").replace("\"", "\\\"")).append('"');
    }
}

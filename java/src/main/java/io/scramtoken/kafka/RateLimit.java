package io.scramtoken.kafka;

import java.util.concurrent.TimeUnit;

/** Lets so many lines a second into a log, and counts the others. Thread-safe. */
final class RateLimit {
    /** {@link #admit}: leave this line out. */
    static final long LEAVE_OUT = -1;

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final int perSecond;
    private long start;
    private int admitted;
    private long leftOut;

    RateLimit(int perSecond) {
        this.perSecond = perSecond;
    }

    /**
     * Asks for one line: {@link #LEAVE_OUT}, or how many were left out since the last one.
     *
     * @param now {@code System.nanoTime()}
     */
    synchronized long admit(long now) {
        if (admitted == 0 || now - start >= SECOND) {
            start = now;
            admitted = 0;
        }
        if (admitted == perSecond) {
            leftOut++;
            return LEAVE_OUT;
        }
        admitted++;
        long count = leftOut;
        leftOut = 0;
        return count;
    }
}

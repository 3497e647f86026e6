package io.scramtoken.kafka;

/** The iteration counts that a client hashes for a server, both included: {@code 1 <= min <= max}. */
final class IterationLimits {
    /** RFC 7677's least, and some seconds of hashing on a slow machine. */
    static final IterationLimits DEFAULT = new IterationLimits(4096, 1_000_000);

    final int min;
    final int max;

    /**
     * @throws IllegalArgumentException unless {@code 1 <= min <= max}
     */
    IterationLimits(int min, int max) {
        if (min < 1 || min > max) {
            throw new IllegalArgumentException(
                    "iteration limits of " + min + " to " + max + ": the least must be 1 to the most");
        }
        this.min = min;
        this.max = max;
    }
}

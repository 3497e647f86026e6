package io.scramtoken.kafka;

import java.util.List;

/** The SASL mechanisms that are spoken here. */
final class Mechanisms {
    static final List<String> NAMES = List.of("SCRAM-SHA-256", "SCRAM-SHA-512");

    private Mechanisms() {}

    static String[] toArray() {
        return NAMES.toArray(new String[0]);
    }
}

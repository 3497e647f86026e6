package io.scramtoken.kafka;

import java.security.Provider;
import java.security.Security;

/**
 * Stands before Kafka's own SASL providers, and steps aside for every login that is not ours: the
 * factories look for {@link Options} in the current Subject and return null without them.
 */
final class ScramTokenProvider extends Provider {
    private static final long serialVersionUID = 1L;
    private static final String NAME = "ScramToken";

    private static boolean installed;

    private ScramTokenProvider(String name) {
        super(name, "1", "SCRAM with Kafka delegation tokens by libscramtoken");
        for (String mechanism : Mechanisms.NAMES) {
            put("SaslServerFactory." + mechanism, ScramTokenSaslServerFactory.class.getName());
            put("SaslClientFactory." + mechanism, ScramTokenSaslClientFactory.class.getName());
        }
    }

    /** Puts the provider first, once; each class loader that has this class has one of its own. */
    static synchronized void install() {
        int number = 1;
        while (!installed) {
            String name = number == 1 ? NAME : NAME + "-" + number;
            installed = Security.insertProviderAt(new ScramTokenProvider(name), 1) != -1;
            number++;
        }
    }
}

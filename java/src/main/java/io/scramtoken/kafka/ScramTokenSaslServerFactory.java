package io.scramtoken.kafka;

import java.util.Map;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;

/**
 * Makes the server of a login whose Subject went through {@link ScramTokenLoginModule}. Public for
 * {@code javax.security.sasl.Sasl} alone. Thread-safe.
 */
public final class ScramTokenSaslServerFactory implements SaslServerFactory {
    /** For {@code javax.security.sasl.Sasl}. */
    public ScramTokenSaslServerFactory() {}

    /** Null, so that the next provider is asked, where the Subject is not ours. */
    @Override
    public SaslServer createSaslServer(
            String mechanism,
            String protocol,
            String serverName,
            Map<String, ?> properties,
            CallbackHandler handler) {
        if (!Mechanisms.NAMES.contains(mechanism)) {
            return null;
        }
        Options options = Options.ofCurrentSubject();
        if (options == null) {
            return null;
        }
        return new ScramTokenSaslServer(mechanism, options, new KafkaCredentials(handler));
    }

    @Override
    public String[] getMechanismNames(Map<String, ?> properties) {
        return Mechanisms.toArray();
    }
}

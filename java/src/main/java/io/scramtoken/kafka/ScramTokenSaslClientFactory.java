package io.scramtoken.kafka;

import java.util.Map;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslException;

/**
 * Makes the client of a login whose Subject went through {@link ScramTokenLoginModule} with a source.
 * Public for {@code javax.security.sasl.Sasl} alone. Thread-safe.
 */
public final class ScramTokenSaslClientFactory implements SaslClientFactory {
    /** For {@code javax.security.sasl.Sasl}. */
    public ScramTokenSaslClientFactory() {}

    /**
     * Null, so that the next provider is asked, where the Subject is not ours or has no source.
     *
     * @throws SaslException for an authorization id, which Kafka never asks for
     */
    @Override
    public SaslClient createSaslClient(
            String[] mechanisms,
            String authorizationId,
            String protocol,
            String serverName,
            Map<String, ?> properties,
            CallbackHandler handler)
            throws SaslException {
        Options options = Options.ofCurrentSubject();
        if (options == null || options.source() == null) {
            return null;
        }
        for (String mechanism : mechanisms) {
            if (Mechanisms.NAMES.contains(mechanism)) {
                return create(mechanism, authorizationId, options);
            }
        }
        return null;
    }

    @Override
    public String[] getMechanismNames(Map<String, ?> properties) {
        return Mechanisms.toArray();
    }

    private static SaslClient create(String mechanism, String authorizationId, Options options)
            throws SaslException {
        if (authorizationId != null) {
            throw new SaslException("a login from a source acts as nobody else");
        }
        return new ScramTokenSaslClient(mechanism, options.source(), options.iterationLimits());
    }
}

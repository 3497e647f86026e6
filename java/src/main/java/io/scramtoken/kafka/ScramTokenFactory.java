package io.scramtoken.kafka;

import java.security.Security;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes servers and clients as a JAAS line of {@link ScramTokenLoginModule} asks for. It lies in the
 * Subject's private credentials, where the security provider finds it by its class's name: that is how
 * the options reach the logins of that line, and no others. Thread-safe.
 */
final class ScramTokenFactory
        implements SaslServerFactory, SaslClientFactory, Consumer<String> {
    private static final Logger LOG = LoggerFactory.getLogger(ScramTokenFactory.class);
    private static final String PROVIDER = "ScramToken";
    private static final List<String> MECHANISMS = List.of("SCRAM-SHA-256", "SCRAM-SHA-512");

    private final Options options;

    ScramTokenFactory(Options options) {
        this.options = options;
    }

    /** Null, so that the next provider is asked, for other mechanisms. */
    @Override
    public SaslServer createSaslServer(
            String mechanism,
            String protocol,
            String serverName,
            Map<String, ?> properties,
            CallbackHandler handler) {
        if (!MECHANISMS.contains(mechanism)) {
            return null;
        }
        keepProviderFirst();
        return new ScramTokenSaslServer(mechanism, options, new KafkaCredentials(handler));
    }

    /**
     * Null, so that the next provider is asked, for other mechanisms and where the line has no source.
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
        keepProviderFirst();
        for (String mechanism : mechanisms) {
            if (MECHANISMS.contains(mechanism) && options.source() != null) {
                return create(mechanism, authorizationId);
            }
        }
        return null;
    }

    @Override
    public String[] getMechanismNames(Map<String, ?> properties) {
        return MECHANISMS.toArray(new String[0]);
    }

    /** What the security provider, which has no logger, wants to be known. */
    @Override
    public void accept(String warning) {
        LOG.warn("{}", warning);
    }

    private SaslClient create(String mechanism, String authorizationId) throws SaslException {
        if (authorizationId != null) {
            throw new SaslException("a login from a source acts as nobody else");
        }
        return new ScramTokenSaslClient(mechanism, options.source(), options.iterationLimits());
    }

    /** Says where an application has removed the provider: this login came by another way. */
    private void keepProviderFirst() {
        if (Security.getProvider(PROVIDER) == null && NativeLibrary.shared().putProviderFirst()) {
            accept("The security provider ScramToken had been removed: it is there again, and first");
        }
    }
}

package io.scramtoken.kafka.shared;

import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;

/**
 * Asks the factory that lies in the current Subject's private credentials, where the login module
 * has put one. Holds nothing, so that only the Subject holds the factory and its class loader.
 */
public final class SubjectFactory implements SaslServerFactory, SaslClientFactory {
    /** The class of the factories in Subjects, of whichever class loader; it also takes warnings. */
    private static final String FACTORY = "io.scramtoken.kafka.ScramTokenFactory";

    /** For {@code javax.security.sasl.Sasl}. */
    public SubjectFactory() {}

    /** Null, so that the next provider is asked, where the Subject has no factory. */
    @Override
    public SaslServer createSaslServer(
            String mechanism,
            String protocol,
            String serverName,
            Map<String, ?> properties,
            CallbackHandler handler)
            throws SaslException {
        SaslServerFactory factory = (SaslServerFactory) find();
        if (factory == null) {
            return null;
        }
        return factory.createSaslServer(mechanism, protocol, serverName, properties, handler);
    }

    /** Null, so that the next provider is asked, where the Subject has no factory. */
    @Override
    public SaslClient createSaslClient(
            String[] mechanisms,
            String authorizationId,
            String protocol,
            String serverName,
            Map<String, ?> properties,
            CallbackHandler handler)
            throws SaslException {
        SaslClientFactory factory = (SaslClientFactory) find();
        if (factory == null) {
            return null;
        }
        return factory.createSaslClient(
                mechanisms, authorizationId, protocol, serverName, properties, handler);
    }

    @Override
    public String[] getMechanismNames(Map<String, ?> properties) {
        return ScramTokenProvider.MECHANISMS.toArray(new String[0]);
    }

    /** The factory of the Subject on whose behalf this thread runs, or null. */
    static Object find() {
        Subject subject = CurrentSubject.get();
        if (subject != null) {
            for (Object credential : subject.getPrivateCredentials()) {
                if (credential.getClass().getName().equals(FACTORY)) {
                    return credential;
                }
            }
        }
        return null;
    }
}

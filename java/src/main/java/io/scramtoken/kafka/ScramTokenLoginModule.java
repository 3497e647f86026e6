package io.scramtoken.kafka;

import java.security.ProviderException;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.login.LoginException;
import javax.security.auth.spi.LoginModule;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kafka's {@link ScramLoginModule} by libscramtoken: takes the same options, {@code username},
 * {@code password} and {@code tokenauth}, and of a client in place of these three
 *
 * <dl>
 *   <dt>{@code source}
 *   <dd>where the credential is: {@code file:/path} (JSON with token_id and hmac, or username and
 *       password), {@code dir:/path} (a mounted Kubernetes Secret with token-id and token-hmac) or
 *       {@code env:} (KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC). Each new connection and each
 *       re-authentication (KIP-368) uses what is there then
 * </dl>
 *
 * <p>and of a broker's listener
 *
 * <dl>
 *   <dt>{@code implicitTokens} (false)
 *   <dd>a client that does not say {@code tokenauth=true} may log in with a token all the same, as
 *       every librdkafka, kafka-python and aiokafka has to; a user goes before a token of that name
 *   <dt>{@code doubledNonce} (false)
 *   <dd>accept the doubled client nonce of librdkafka before 2.6.1
 *   <dt>{@code mockSecret} (random at each start)
 *   <dd>what the challenges for unknown users are made from, 16 characters or more: the same on every
 *       broker, and kept over restarts, or else a changing salt shows that there is no such user
 *   <dt>{@code mockIterations} (4096)
 *   <dd>the iteration count in the challenges for unknown users: what real ones have
 *   <dt>{@code store} (none)
 *   <dd>{@code lmdb:/path}, a store of users and tokens that takes the place of Kafka's own: this
 *       listener knows nobody else. It is shared with every process of the host, such as the program
 *       {@code scramtoken}, and has a mockSecret of its own
 *   <dt>{@code audit} (false)
 *   <dd>one line of JSON for each decided login to the logger {@code io.scramtoken.audit}
 * </dl>
 *
 * <p>A login fails, and so does the start of its broker or client, when the native library cannot be
 * loaded or an option is not as it should be: nothing ever falls back to Kafka's own classes.
 */
public final class ScramTokenLoginModule implements LoginModule {
    private static final Logger LOG = LoggerFactory.getLogger(ScramTokenLoginModule.class);

    /** Leaves user name, password and tokenauth where Kafka's own classes look for them. */
    private final LoginModule kafka = new ScramLoginModule();

    private Subject subject;
    private Map<String, ?> line;
    private ScramTokenFactory factory;

    /** For JAAS. */
    public ScramTokenLoginModule() {}

    @Override
    public void initialize(
            Subject subject,
            CallbackHandler callbackHandler,
            Map<String, ?> sharedState,
            Map<String, ?> options) {
        kafka.initialize(subject, callbackHandler, sharedState, options);
        this.subject = subject;
        this.line = options;
    }

    /**
     * Makes the Subject's logins ours.
     *
     * @throws LoginException where the native library cannot be loaded, or an option is wrong
     */
    @Override
    public boolean login() throws LoginException {
        Options options;
        try {
            NativeLibrary.shared().putProviderFirst();
            options = Options.parse(line);
        } catch (IllegalStateException | IllegalArgumentException | ProviderException e) {
            throw new LoginException(e.getMessage());
        }
        factory = new ScramTokenFactory(options);
        subject.getPrivateCredentials().add(factory);
        LOG.info("Logins go through libscramtoken {}: {}", NativeLibrary.version(), options);
        return kafka.login();
    }

    @Override
    public boolean commit() throws LoginException {
        return kafka.commit();
    }

    @Override
    public boolean abort() throws LoginException {
        takeBack();
        return kafka.abort();
    }

    @Override
    public boolean logout() throws LoginException {
        takeBack();
        return kafka.logout();
    }

    /** There is no factory where {@link #login} has failed. */
    private void takeBack() {
        if (factory != null) {
            subject.getPrivateCredentials().remove(factory);
        }
    }
}

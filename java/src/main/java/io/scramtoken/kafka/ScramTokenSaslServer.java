package io.scramtoken.kafka;

import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import org.apache.kafka.common.errors.IllegalSaslStateException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.security.authenticator.SaslInternalConfigs;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCredentialCallback;

/**
 * One login to a broker, judged by libscramtoken with the credentials that the broker has, or a store.
 * For one thread at a time, as Kafka uses it.
 *
 * <p>The peer is told what Kafka tells it: a SaslException becomes Kafka's own sentence of invalid
 * credentials, whatever the reason. The true one is in the log.
 */
final class ScramTokenSaslServer implements SaslServer {
    private enum State {
        CLIENT_FIRST,
        CLIENT_FINAL,
        COMPLETE,
        FAILED
    }

    private final String mechanism;
    private final Options options;
    private final KafkaCredentials credentials;

    private State state = State.CLIENT_FIRST;
    private NativeServer login;
    /** Whom to treat the peer as, once it has proved itself: the user, or the token's owner. */
    private String principal;
    /** A token manages no tokens, whatever it came with. */
    private boolean isToken;
    /** When the token ends, in milliseconds since 1970; null for a user. */
    private Long expiryMs;

    ScramTokenSaslServer(String mechanism, Options options, KafkaCredentials credentials) {
        this.mechanism = mechanism;
        this.options = options;
        this.credentials = credentials;
    }

    /**
     * Answers the client's message.
     *
     * @throws SaslException where the login is refused
     * @throws SaslAuthenticationException likewise, where Kafka tells the client why
     * @throws IllegalSaslStateException after the end
     */
    @Override
    public byte[] evaluateResponse(byte[] response) throws SaslException {
        try {
            switch (state) {
                case CLIENT_FIRST:
                    return challenge(response);
                case CLIENT_FINAL:
                    return finish(response);
                default:
                    throw new IllegalSaslStateException(
                            "Unexpected challenge in Sasl server state " + state);
            }
        } catch (NativeException e) {
            throw refuse(e);
        }
    }

    @Override
    public boolean isComplete() {
        return state == State.COMPLETE;
    }

    @Override
    public String getAuthorizationID() {
        requireComplete();
        return principal;
    }

    /** Kafka asks whether it was a token's login, and when the token ends. */
    @Override
    public Object getNegotiatedProperty(String name) {
        requireComplete();
        switch (name) {
            case ScramLoginModule.TOKEN_AUTH_CONFIG:
                return isToken ? "true" : null;
            case SaslInternalConfigs.CREDENTIAL_LIFETIME_MS_SASL_NEGOTIATED_PROPERTY_KEY:
                return expiryMs;
            default:
                return null;
        }
    }

    @Override
    public String getMechanismName() {
        return mechanism;
    }

    /** Never: these mechanisms protect the login and nothing after it. */
    @Override
    public byte[] unwrap(byte[] incoming, int offset, int length) {
        throw noSecurityLayer();
    }

    /** Never: these mechanisms protect the login and nothing after it. */
    @Override
    public byte[] wrap(byte[] outgoing, int offset, int length) {
        throw noSecurityLayer();
    }

    @Override
    public void dispose() {
        if (login != null) {
            login.close();
        }
    }

    private byte[] challenge(byte[] clientFirst) throws NativeException {
        login = new NativeServer(mechanism, options.implicitTokens(), options.doubledNonce());
        int kind = login.readClientFirst(clientFirst);
        byte[] challenge =
                options.store() == null
                        ? supply(kind, login.name())
                        : login.supplyFromStore(
                                options.store(), options.mockSecret(), options.mockIterations());
        state = State.CLIENT_FINAL;
        return challenge;
    }

    private byte[] supply(int kind, String name) throws NativeException {
        if (kind != NativeServer.TOKEN) {
            ScramCredential user = credentials.user(name);
            if (user != null) {
                principal = name;
                return login.supplyUser(user);
            }
        }
        if (kind != NativeServer.USER) {
            DelegationTokenCredentialCallback token = credentials.token(name);
            if (token != null) {
                isToken = true;
                principal = token.tokenOwner();
                expiryMs = token.tokenExpiryTimestamp();
                return login.supplyToken(token.scramCredential(), principal, expiryMs);
            }
        }
        return kind == NativeServer.TOKEN
                ? login.supplyUnknown(MockTokens.SECRET, MockTokens.ITERATIONS)
                : login.supplyUnknown(options.mockSecret(), options.mockIterations());
    }

    private byte[] finish(byte[] clientFinal) throws NativeException {
        byte[] serverFinal = login.finish(clientFinal, System.currentTimeMillis());
        if (options.store() != null) {
            principal = login.principal();
            isToken = login.isToken();
            expiryMs = login.expiryMs();
        }
        if (options.audit()) {
            LoginLog.authenticated(mechanism, login.loggableNames(), login.isNonceDoubled());
        }
        state = State.COMPLETE;
        login.close();
        return serverFinal;
    }

    private SaslException refuse(NativeException reason) {
        state = State.FAILED;
        LoginLog.refused(mechanism, loggableNames(), reason, options.audit());
        dispose();
        if (reason.status().equals("AUTHZID")) {
            throw new SaslAuthenticationException(
                    "Authentication failed: Client requested an authorization id that is different"
                            + " from username");
        }
        return new SaslException("Authentication failed: " + reason.getMessage());
    }

    private String[] loggableNames() {
        try {
            return login == null ? new String[3] : login.loggableNames();
        } catch (NativeException e) {
            return new String[3];
        }
    }

    private void requireComplete() {
        if (state != State.COMPLETE) {
            throw new IllegalStateException("Authentication exchange has not completed");
        }
    }

    private static IllegalStateException noSecurityLayer() {
        return new IllegalStateException("SCRAM has no security layer");
    }
}

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

    private static final long NEVER = -1;

    private final String mechanism;
    private final Options options;
    private final KafkaCredentials credentials;

    private State state = State.CLIENT_FIRST;
    private NativeServer login;
    /** Null until the peer has proved itself. A token manages no tokens, whatever it came with. */
    private NativeServer.Verdict verdict;

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
        return verdict.principal;
    }

    /** Kafka asks whether it was a token's login, and when the token ends. */
    @Override
    public Object getNegotiatedProperty(String name) {
        requireComplete();
        switch (name) {
            case ScramLoginModule.TOKEN_AUTH_CONFIG:
                return verdict.isToken ? "true" : null;
            case SaslInternalConfigs.CREDENTIAL_LIFETIME_MS_SASL_NEGOTIATED_PROPERTY_KEY:
                return verdict.expiryMs;
            default:
                return null;
        }
    }

    @Override
    public String getMechanismName() {
        return mechanism;
    }

    /** Not supported: these mechanisms protect the login and nothing after it. */
    @Override
    public byte[] unwrap(byte[] incoming, int offset, int length) {
        throw noSecurityLayer();
    }

    /** Not supported: these mechanisms protect the login and nothing after it. */
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
        NativeServer begun = NativeServer.begin(options.listener(), mechanism, clientFirst);
        login = begun;
        byte[] challenge = begun.challenge() == null ? askKafka(begun) : begun.challenge();
        state = State.CLIENT_FINAL;
        return challenge;
    }

    /** Both are asked, whatever the first one knows, and something is supplied for every name. */
    private byte[] askKafka(NativeServer asks) throws NativeException {
        String name = asks.name();
        ScramCredential user =
                asks.kind() == NativeServer.TOKEN ? null : credentials.user(name);
        DelegationTokenCredentialCallback token =
                asks.kind() == NativeServer.USER ? null : credentials.token(name);
        if (user != null) {
            return asks.supply(NativeServer.USER, user, name, NEVER);
        }
        if (token != null) {
            return asks.supply(
                    NativeServer.TOKEN,
                    token.scramCredential(),
                    token.tokenOwner(),
                    token.tokenExpiryTimestamp());
        }
        return asks.supply(NativeServer.NOBODY, MockTokens.credential(mechanism), name, NEVER);
    }

    private byte[] finish(byte[] clientFinal) throws NativeException {
        verdict = login.finish(clientFinal, options.audit());
        if (options.audit()) {
            LoginLog.authenticated(mechanism, verdict);
        }
        state = State.COMPLETE;
        login.close();
        return verdict.serverFinal;
    }

    private SaslException refuse(NativeException reason) {
        state = State.FAILED;
        LoginLog.refused(mechanism, reason, options.audit());
        dispose();
        if (reason.status().equals("AUTHZID")) {
            throw new SaslAuthenticationException(
                    "Authentication failed: Client requested an authorization id that is different"
                            + " from username");
        }
        return new SaslException("Authentication failed: " + reason.getMessage());
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

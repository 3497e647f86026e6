package io.scramtoken.kafka;

import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslException;
import org.apache.kafka.common.errors.IllegalSaslStateException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One login to a broker with the credential that the JAAS line's source has when it begins. Kafka
 * makes one for each connection and each re-authentication (KIP-368). For one thread at a time.
 */
final class ScramTokenSaslClient implements SaslClient {
    private enum State {
        START,
        SERVER_FIRST,
        SERVER_FINAL,
        COMPLETE,
        FAILED
    }

    private static final Logger LOG = LoggerFactory.getLogger(ScramTokenSaslClient.class);

    private final String mechanism;
    private final NativeSource source;
    private final IterationLimits limits;
    private State state = State.START;
    /** Null before the first step. Volatile for {@link #dispose}, which may come from any thread. */
    private volatile NativeClient login;

    ScramTokenSaslClient(String mechanism, NativeSource source, IterationLimits limits) {
        this.mechanism = mechanism;
        this.source = source;
        this.limits = limits;
    }

    @Override
    public String getMechanismName() {
        return mechanism;
    }

    @Override
    public boolean hasInitialResponse() {
        return true;
    }

    /**
     * Answers the server's message; null when there is nothing to answer.
     *
     * @throws SaslException where the source has nothing to log in with, or the server is not to be
     *     trusted; it says why
     * @throws IllegalSaslStateException after the end
     */
    @Override
    public byte[] evaluateChallenge(byte[] challenge) throws SaslException {
        State before = state;
        state = State.FAILED;
        try {
            switch (before) {
                case START:
                    return start(challenge);
                case SERVER_FIRST:
                    byte[] answer = login.answer(challenge);
                    state = State.SERVER_FINAL;
                    return answer;
                case SERVER_FINAL:
                    login.finish(challenge);
                    login.close();
                    state = State.COMPLETE;
                    return null;
                default:
                    throw new IllegalSaslStateException(
                            "Unexpected challenge in Sasl client state " + before);
            }
        } catch (NativeException e) {
            dispose();
            throw new SaslException(e.getMessage());
        }
    }

    @Override
    public boolean isComplete() {
        return state == State.COMPLETE;
    }

    @Override
    public Object getNegotiatedProperty(String name) {
        if (!isComplete()) {
            throw new IllegalStateException("Authentication exchange has not completed");
        }
        return null;
    }

    /** Not supported: these mechanisms protect the login and nothing after it. */
    @Override
    public byte[] unwrap(byte[] incoming, int offset, int length) {
        throw new IllegalStateException("SCRAM has no security layer");
    }

    /** Not supported: these mechanisms protect the login and nothing after it. */
    @Override
    public byte[] wrap(byte[] outgoing, int offset, int length) {
        throw new IllegalStateException("SCRAM has no security layer");
    }

    /** Ends a login that is under way: a step that is hashing on another thread fails. */
    @Override
    public void dispose() {
        NativeClient login = this.login;
        if (login == null) {
            return;
        }
        try {
            login.cancel();
        } catch (NativeException e) {
            LOG.warn("A login could not be cancelled: {}", e.getMessage());
        }
        login.close();
    }

    private byte[] start(byte[] challenge) throws SaslException, NativeException {
        if (challenge != null && challenge.length > 0) {
            throw new SaslException("Expected empty challenge");
        }
        NativeClient begun = NativeClient.begin(mechanism, source, limits);
        login = begun;
        if (begun.warning() != null) {
            LOG.warn("{}", begun.warning());
        }
        state = State.SERVER_FIRST;
        return begun.first();
    }
}

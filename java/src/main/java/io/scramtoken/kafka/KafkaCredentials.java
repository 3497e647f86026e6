package io.scramtoken.kafka;

import java.io.IOException;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.UnsupportedCallbackException;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramCredentialCallback;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCredentialCallback;

/**
 * Users and tokens as the broker knows them, asked for through the callback handler that it gives
 * every SaslServer. As thread-safe as that, and Kafka's own is.
 *
 * <p>The handler knows the users of its own mechanism only.
 */
final class KafkaCredentials {
    private final CallbackHandler handler;

    KafkaCredentials(CallbackHandler handler) {
        this.handler = handler;
    }

    /**
     * The user's credential, or null.
     *
     * @throws NativeException (IO) where the handler fails
     */
    ScramCredential user(String name) throws NativeException {
        ScramCredentialCallback callback = new ScramCredentialCallback();
        ask(name, callback);
        return callback.scramCredential();
    }

    /**
     * The token's credential, owner and expiry, or null.
     *
     * @throws NativeException (IO) where the handler fails
     */
    DelegationTokenCredentialCallback token(String id) throws NativeException {
        DelegationTokenCredentialCallback callback = new DelegationTokenCredentialCallback();
        ask(id, callback);
        // The caches behind it change one after the other.
        boolean complete =
                callback.scramCredential() != null
                        && callback.tokenOwner() != null
                        && callback.tokenExpiryTimestamp() != null;
        return complete ? callback : null;
    }

    private void ask(String name, Callback callback) throws NativeException {
        try {
            handler.handle(new Callback[] {new NameCallback("username", name), callback});
        } catch (IOException | UnsupportedCallbackException | RuntimeException e) {
            throw new NativeException(
                    "IO", "the broker's callback handler could not look the name up: " + e);
        }
    }
}

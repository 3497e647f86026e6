import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.auth.callback.UnsupportedCallbackException;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.authenticator.CredentialCache;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramExtensionsCallback;
import org.apache.kafka.common.security.scram.internals.ScramCredentialUtils;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;
import org.apache.kafka.common.security.scram.internals.ScramSaslClient;
import org.apache.kafka.common.security.scram.internals.ScramSaslServer;
import org.apache.kafka.common.security.scram.internals.ScramServerCallbackHandler;
import org.apache.kafka.common.security.token.delegation.DelegationToken;
import org.apache.kafka.common.security.token.delegation.TokenInformation;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache;

/**
 * Kafka's own SCRAM classes as the other side of a login, one login at a time.
 *
 * <p>A request is a line on standard input, its answer a line on standard output; fields are
 * separated by tabs, and those that come from a login are base64. An answer begins with "ok" or
 * with "error", the exception's class and its message.
 *
 * <pre>
 * derive MECHANISM password iterations            -> salt, stored key, server key
 * user   MECHANISM name password iterations       puts it into the broker's cache
 * token  MECHANISM id hmac owner expiry iterations puts it into the broker's cache
 * client MECHANISM name password tokenauth        a new client; tokenauth: the extension's value
 * client-step message                             -> message, whether it is complete
 * server MECHANISM                                a new server
 * server-step message                             -> message, whether it is complete
 * server-result property                          -> authorization id, the negotiated property
 * </pre>
 */
public class ScramPeer {
    private final CredentialCache users = new CredentialCache();
    private final DelegationTokenCache tokens =
            new DelegationTokenCache(ScramMechanism.mechanismNames());
    private ScramSaslClient client;
    private ScramSaslServer server;

    public static void main(String[] args) throws Exception {
        // Ours alone: what Kafka logs goes to standard error.
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        ScramPeer peer = new ScramPeer();
        ScramCredentialUtils.createCache(peer.users, ScramMechanism.mechanismNames());
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(peer.answer(line.split("\t", -1)));
        }
    }

    private String answer(String[] request) {
        try {
            String fields = handle(request);
            return fields.isEmpty() ? "ok" : "ok\t" + fields;
        } catch (Exception e) {
            String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
            return String.join("\t", "error", e.getClass().getSimpleName(), message);
        }
    }

    private String handle(String[] request) throws Exception {
        switch (request[0]) {
            case "derive": {
                ScramCredential made =
                        credential(request[1], text(request[2]), Integer.parseInt(request[3]));
                return String.join(
                        "\t",
                        base64(made.salt()),
                        base64(made.storedKey()),
                        base64(made.serverKey()));
            }
            case "user":
                users.cache(request[1], ScramCredential.class)
                        .put(
                                text(request[2]),
                                credential(
                                        request[1],
                                        text(request[3]),
                                        Integer.parseInt(request[4])));
                return "";
            case "token":
                putToken(
                        request[1],
                        text(request[2]),
                        text(request[3]),
                        text(request[4]),
                        Long.parseLong(request[5]),
                        Integer.parseInt(request[6]));
                return "";
            case "client": {
                Map<String, String> extensions =
                        request[4].isEmpty() ? Map.of() : Map.of("tokenauth", request[4]);
                client =
                        new ScramSaslClient(
                                mechanism(request[1]),
                                new ClientCallbacks(
                                        text(request[2]), text(request[3]), extensions));
                return "";
            }
            case "client-step": {
                byte[] message = client.evaluateChallenge(bytes(request[1]));
                return base64(message) + "\t" + client.isComplete();
            }
            case "server": {
                ScramServerCallbackHandler callbacks =
                        new ScramServerCallbackHandler(
                                users.cache(request[1], ScramCredential.class), tokens);
                callbacks.configure(Map.of(), request[1], List.of());
                server = new ScramSaslServer(mechanism(request[1]), Map.of(), callbacks);
                return "";
            }
            case "server-step": {
                byte[] message = server.evaluateResponse(bytes(request[1]));
                return base64(message) + "\t" + server.isComplete();
            }
            case "server-result": {
                String id = server.getAuthorizationID();
                Object property = server.getNegotiatedProperty(request[1]);
                return base64(id.getBytes(StandardCharsets.UTF_8)) + "\t" + property;
            }
            default:
                throw new IllegalArgumentException("no such request: " + request[0]);
        }
    }

    /** As a broker does it that sees a token's record in the metadata log. */
    private void putToken(
            String mechanism, String id, String hmac, String owner, long expiry, int iterations)
            throws Exception {
        KafkaPrincipal principal = new KafkaPrincipal(KafkaPrincipal.USER_TYPE, owner);
        TokenInformation information =
                new TokenInformation(id, principal, List.of(), 0, Long.MAX_VALUE, expiry);
        DelegationToken token =
                new DelegationToken(information, Base64.getDecoder().decode(hmac));
        Map<String, ScramCredential> credentials = new HashMap<>();
        credentials.put(
                mechanism, credential(mechanism, token.hmacAsBase64String(), iterations));
        tokens.updateCache(token, credentials);
    }

    private static ScramCredential credential(String mechanism, String password, int iterations)
            throws Exception {
        return new ScramFormatter(mechanism(mechanism)).generateCredential(password, iterations);
    }

    private static ScramMechanism mechanism(String name) {
        return ScramMechanism.forMechanismName(name);
    }

    private static byte[] bytes(String field) {
        return Base64.getDecoder().decode(field);
    }

    private static String text(String field) {
        return new String(bytes(field), StandardCharsets.UTF_8);
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? "" : Base64.getEncoder().encodeToString(bytes);
    }

    private static final class ClientCallbacks implements CallbackHandler {
        private final String name;
        private final String password;
        private final Map<String, String> extensions;

        ClientCallbacks(String name, String password, Map<String, String> extensions) {
            this.name = name;
            this.password = password;
            this.extensions = extensions;
        }

        @Override
        public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
            for (Callback callback : callbacks) {
                if (callback instanceof NameCallback) {
                    ((NameCallback) callback).setName(name);
                } else if (callback instanceof PasswordCallback) {
                    ((PasswordCallback) callback).setPassword(password.toCharArray());
                } else if (callback instanceof ScramExtensionsCallback) {
                    ((ScramExtensionsCallback) callback).extensions(extensions);
                } else {
                    throw new UnsupportedCallbackException(callback);
                }
            }
        }
    }
}

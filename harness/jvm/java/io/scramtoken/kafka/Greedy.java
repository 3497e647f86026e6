package io.scramtoken.kafka;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.security.Provider;
import java.util.Map;
import javax.security.auth.callback.CallbackHandler;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;
import javax.security.sasl.SaslServerFactory;

/** A security provider as WildFly Elytron: it takes every login of SCRAM, and then fails. */
public final class Greedy extends Provider {
    private static final long serialVersionUID = 1L;

    public Greedy() {
        super("Greedy", "1", "");
        for (String mechanism : new Factory().getMechanismNames(Map.of())) {
            put("SaslServerFactory." + mechanism, Factory.class.getName());
            put("SaslClientFactory." + mechanism, Factory.class.getName());
        }
    }

    /** Public for {@code Sasl}. */
    public static final class Factory implements SaslServerFactory, SaslClientFactory {
        @Override
        public SaslServer createSaslServer(
                String mechanism,
                String protocol,
                String serverName,
                Map<String, ?> properties,
                CallbackHandler handler) {
            return greedy(SaslServer.class);
        }

        @Override
        public SaslClient createSaslClient(
                String[] mechanisms,
                String authorizationId,
                String protocol,
                String serverName,
                Map<String, ?> properties,
                CallbackHandler handler) {
            return greedy(SaslClient.class);
        }

        @Override
        public String[] getMechanismNames(Map<String, ?> properties) {
            return new String[] {"SCRAM-SHA-256", "SCRAM-SHA-512"};
        }

        private static <T> T greedy(Class<T> type) {
            InvocationHandler fails =
                    (proxy, method, arguments) -> {
                        throw new SaslException("Greedy knows nobody");
                    };
            ClassLoader loader = Factory.class.getClassLoader();
            return type.cast(Proxy.newProxyInstance(loader, new Class<?>[] {type}, fails));
        }
    }
}

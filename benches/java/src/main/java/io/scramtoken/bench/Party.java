package io.scramtoken.bench;

import java.nio.charset.StandardCharsets;
import java.security.PrivilegedExceptionAction;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.spi.LoginModule;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslServerFactory;

/** The two implementations, each as the JAAS line of a broker or client would bring it in. */
public enum Party {
    KAFKA(
            "org.apache.kafka.common.security.scram.ScramLoginModule",
            "org.apache.kafka.common.security.scram.internals.ScramSaslServer$ScramSaslServerFactory",
            "org.apache.kafka.common.security.scram.internals.ScramSaslClient$ScramSaslClientFactory"),
    SCRAMTOKEN(
            "io.scramtoken.kafka.ScramTokenLoginModule",
            "io.scramtoken.kafka.ScramTokenSaslServerFactory",
            "io.scramtoken.kafka.ScramTokenSaslClientFactory");

    static final String NAME = "alice";
    static final String PASSWORD = "alice-secret";
    static final byte[] SALT = bytes("9fzmxmuz4y2d5whz9gkyyqzc1");
    static final int ITERATIONS = 4096;

    private final String module;
    private final String serverFactory;
    private final String clientFactory;

    Party(String module, String serverFactory, String clientFactory) {
        this.module = module;
        this.serverFactory = serverFactory;
        this.clientFactory = clientFactory;
    }

    /** A Subject that went through the login module. */
    Subject subject(Map<String, String> options) throws Exception {
        Subject subject = new Subject();
        LoginModule login = (LoginModule) instance(module);
        login.initialize(subject, null, Map.of(), options);
        login.login();
        login.commit();
        return subject;
    }

    /** What Sasl.createSaslServer finds among the providers. */
    SaslServerFactory serverFactory() throws Exception {
        return (SaslServerFactory) instance(serverFactory);
    }

    /** What Sasl.createSaslClient finds among the providers. */
    SaslClientFactory clientFactory() throws Exception {
        return (SaslClientFactory) instance(clientFactory);
    }

    private static Object instance(String name) throws Exception {
        return Class.forName(name).getDeclaredConstructor().newInstance();
    }

    @SuppressWarnings("removal") // what Kafka itself calls before Java 18
    static <T> T in(Subject subject, PrivilegedExceptionAction<T> action) throws Exception {
        return Subject.doAs(subject, action);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}

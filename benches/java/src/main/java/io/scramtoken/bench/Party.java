package io.scramtoken.bench;

import java.nio.charset.StandardCharsets;
import java.security.PrivilegedExceptionAction;
import java.security.Security;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.spi.LoginModule;
import javax.security.sasl.SaslClientFactory;
import javax.security.sasl.SaslServerFactory;
import org.apache.kafka.common.security.scram.internals.ScramSaslClient;
import org.apache.kafka.common.security.scram.internals.ScramSaslServer;

/** The two implementations, each as the JAAS line of a broker or client would bring it in. */
public enum Party {
    KAFKA("org.apache.kafka.common.security.scram.ScramLoginModule") {
        @Override
        SaslServerFactory serverFactory(String mechanism) {
            return new ScramSaslServer.ScramSaslServerFactory();
        }

        @Override
        SaslClientFactory clientFactory(String mechanism) {
            return new ScramSaslClient.ScramSaslClientFactory();
        }
    },
    SCRAMTOKEN("io.scramtoken.kafka.ScramTokenLoginModule") {
        @Override
        SaslServerFactory serverFactory(String mechanism) throws Exception {
            return (SaslServerFactory) provided("SaslServerFactory", mechanism);
        }

        @Override
        SaslClientFactory clientFactory(String mechanism) throws Exception {
            return (SaslClientFactory) provided("SaslClientFactory", mechanism);
        }

        private Object provided(String type, String mechanism) throws Exception {
            return Security.getProvider("ScramToken").getService(type, mechanism).newInstance(null);
        }
    };

    static final String NAME = "alice";
    static final String PASSWORD = "alice-secret";
    static final byte[] SALT = bytes("9fzmxmuz4y2d5whz9gkyyqzc1");
    static final int ITERATIONS = 4096;

    private final String module;

    Party(String module) {
        this.module = module;
    }

    /** A Subject that went through the login module. */
    Subject subject(Map<String, String> options) throws Exception {
        Subject subject = new Subject();
        LoginModule login =
                (LoginModule) Class.forName(module).getDeclaredConstructor().newInstance();
        login.initialize(subject, null, Map.of(), options);
        login.login();
        login.commit();
        return subject;
    }

    /** What Sasl.createSaslServer finds among the providers, once a Subject was logged in. */
    abstract SaslServerFactory serverFactory(String mechanism) throws Exception;

    /** What Sasl.createSaslClient finds among the providers, once a Subject was logged in. */
    abstract SaslClientFactory clientFactory(String mechanism) throws Exception;

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

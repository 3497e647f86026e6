package io.scramtoken.kafka.shared;

import java.security.Provider;
import java.security.ProviderException;
import java.security.Security;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Stands before Kafka's own SASL providers and any other, and steps aside for every login that is
 * not ours. One for the whole JVM.
 *
 * <p>Its place is looked at again at each login of ours, as an application can change the list at
 * any time. Where another provider has come before it, the login fails, since the JDK asks that one
 * next; where it was removed, a second entry, under a provider of the JDK's own, serves the login.
 * Either way it is first again afterwards.
 */
public final class ScramTokenProvider extends Provider {
    /** The mechanisms that it serves. */
    static final List<String> MECHANISMS = List.of("SCRAM-SHA-256", "SCRAM-SHA-512");

    /**
     * Puts the provider before all others that serve these mechanisms. True where it had been there
     * before and was removed since.
     */
    public static final BooleanSupplier PUT_FIRST = ScramTokenProvider::putFirst;

    private static final long serialVersionUID = 1L;
    private static final List<String> TYPES = List.of("SaslServerFactory", "SaslClientFactory");
    /** Serves SASL too, comes before Kafka's, and gives nobody a reason to remove it. */
    private static final String JDKS = "SunSASL";
    private static final ScramTokenProvider PROVIDER = new ScramTokenProvider();

    private static boolean hasBeenFirst;

    private ScramTokenProvider() {
        super("ScramToken", "1", "SCRAM with Kafka delegation tokens by libscramtoken");
        addServices(this);
    }

    /** The JDK asks for it whenever it collects the providers of a SASL mechanism. */
    @Override
    public String getProperty(String key) {
        for (String type : TYPES) {
            if (key.startsWith(type)) {
                requireFirst();
            }
        }
        return super.getProperty(key);
    }

    /** As {@link #getProperty}. */
    @Override
    public Service getService(String type, String algorithm) {
        if (TYPES.contains(type)) {
            requireFirst();
        }
        return super.getService(type, algorithm);
    }

    /** Where this is a login of ours. */
    private static void requireFirst() {
        Object factory = SubjectFactory.find();
        if (factory == null) {
            return;
        }
        Provider first = first();
        if (first != null && first != PROVIDER) {
            putFirst();
            String text = "the security provider " + first.getName() + ", which serves SCRAM too, was"
                    + " put before ScramToken: this login fails, and ScramToken is first again";
            warn(factory, text);
            throw new ProviderException(text);
        }
    }

    @SuppressWarnings("unchecked") // as the factory is declared
    private static void warn(Object factory, String text) {
        ((Consumer<String>) factory).accept(text);
    }

    private static synchronized boolean putFirst() {
        if (first() == PROVIDER) {
            return false;
        }
        Security.removeProvider(PROVIDER.getName());
        if (Security.insertProviderAt(PROVIDER, 1) == -1) {
            throw new ProviderException("the security provider ScramToken cannot be put first");
        }
        Provider jdks = Security.getProvider(JDKS);
        if (jdks != null) {
            addServices(jdks);
        }
        boolean again = hasBeenFirst;
        hasBeenFirst = true;
        return again;
    }

    /** The first provider that serves one of the mechanisms, and not by the second entry; or null. */
    private static Provider first() {
        for (Provider provider : Security.getProviders()) {
            if (provider == PROVIDER || serves(provider)) {
                return provider;
            }
        }
        return null;
    }

    private static boolean serves(Provider provider) {
        for (String type : TYPES) {
            for (String mechanism : MECHANISMS) {
                Service service = provider.getService(type, mechanism);
                if (service != null
                        && !service.getClassName().equals(SubjectFactory.class.getName())) {
                    return true;
                }
            }
        }
        return false;
    }

    private static void addServices(Provider provider) {
        for (String type : TYPES) {
            for (String mechanism : MECHANISMS) {
                provider.put(type + "." + mechanism, SubjectFactory.class.getName());
            }
        }
    }
}

package io.scramtoken.kafka;

import java.lang.ref.Cleaner;
import java.util.function.BiPredicate;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;

/**
 * The classes of {@code io.scramtoken.kafka.shared} as they are in the boot class loader: the one
 * place of a JVM that outlives every class loader with this jar. This class's own loader may give
 * others of these names, so they are found by reflection, and used by interfaces of the JDK.
 */
final class Shared {
    /** In an order in which each refers to those before it alone. */
    static final String[] CLASSES = {"CurrentSubject", "SubjectFactory", "ScramTokenProvider", "Library"};

    private static final String PACKAGE = "io.scramtoken.kafka.shared.";

    private final Class<?> library;
    private final BiPredicate<String, Class<?>[]> register;
    private final Cleaner cleaner;
    private final LongFunction<Runnable> free;
    private final BooleanSupplier putProviderFirst;

    @SuppressWarnings("unchecked") // as they are declared
    private Shared() throws ReflectiveOperationException {
        library = find("Library");
        register = (BiPredicate<String, Class<?>[]>) library.getField("REGISTER").get(null);
        cleaner = (Cleaner) library.getField("CLEANER").get(null);
        free = (LongFunction<Runnable>) library.getField("FREE").get(null);
        putProviderFirst =
                (BooleanSupplier) find("ScramTokenProvider").getField("PUT_FIRST").get(null);
    }

    /** Null where no class loader of this JVM has defined them. */
    static Shared find() throws ReflectiveOperationException {
        try {
            find("Library");
        } catch (ClassNotFoundException e) {
            return null;
        }
        return new Shared();
    }

    /** Those of the native library. */
    Class<?> library() {
        return library;
    }

    /** Gives the native methods of these classes their code, where a library of this version is there. */
    boolean register(String version, Class<?>... classes) {
        return register.test(version, classes);
    }

    /** Frees the native object when this one is collected, or by the result, whichever is first. */
    Cleaner.Cleanable freeWith(Object object, long handle) {
        return cleaner.register(object, free.apply(handle));
    }

    /** Whether the provider had been first, and was not any more. */
    boolean putProviderFirst() {
        return putProviderFirst.getAsBoolean();
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        return Class.forName(PACKAGE + name, true, null);
    }
}

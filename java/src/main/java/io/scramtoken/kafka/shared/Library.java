package io.scramtoken.kafka.shared;

import java.lang.ref.Cleaner;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import java.util.function.LongFunction;

/**
 * The native libraries of this JVM, one for each version of the jar. Once loaded they stay, as they
 * ask for by {@code -z nodelete}, so that later class loaders need none of their own.
 */
public final class Library {
    /**
     * Gives the native methods of these classes their code, where a library of this version is
     * loaded; otherwise false. The order of the classes is the library's.
     */
    public static final BiPredicate<String, Class<?>[]> REGISTER = Library::register;

    /**
     * For native objects that nobody has closed. What it runs must not be of a class loader that is
     * to be released: it would be held until then.
     */
    public static final Cleaner CLEANER = Cleaner.create();

    /** What frees the native object of a handle, once. */
    public static final LongFunction<Runnable> FREE = handle -> () -> free(handle);

    /** By version, the address of what registers native methods. */
    private static final Map<String, Long> REGISTRARS = new ConcurrentHashMap<>();

    private Library() {}

    private static boolean register(String version, Class<?>[] classes) {
        Long registrar = REGISTRARS.get(version);
        if (registrar == null) {
            return false;
        }
        register(registrar, classes);
        return true;
    }

    /** For a native library alone, which calls it when it is loaded. */
    private static void add(String version, long registrar) {
        REGISTRARS.put(version, registrar);
    }

    private static native void register(long registrar, Class<?>[] classes);

    private static native void free(long handle);
}

package io.scramtoken.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.stream.Stream;
import javax.security.sasl.Sasl;

/**
 * Loads libscramtoken.so, once for the whole JVM: the one that the jar carries, by way of a private
 * temporary directory, or the one that a system property names. A class loader that comes later finds
 * the library that is there, and only has the native methods of its own classes registered.
 */
final class NativeLibrary {
    /** Path of a libscramtoken.so to load in place of the jar's. */
    private static final String LIBRARY_PATH = "io.scramtoken.library.path";

    /** Where the private directory is made; {@code java.io.tmpdir} unless set. */
    private static final String TMPDIR = "io.scramtoken.tmpdir";

    private static final String FILE = "libscramtoken.so";

    /** A class of the JDK's, so that class loaders come one after the other; it is no lock elsewhere. */
    private static final Object LOCK = Sasl.class;

    /** Classes with native methods, in the library's order. */
    private static final Class<?>[] CLASSES = {
        NativeLibrary.class,
        NativeListener.class,
        NativeServer.class,
        NativeSource.class,
        NativeStore.class,
        NativeClient.class
    };

    private static Shared shared;

    /** Why the library is not there, or null. Kept, as a static initialiser fails but once. */
    private static final String FAULT = load();

    private NativeLibrary() {}

    /**
     * What all class loaders share, the library with it.
     *
     * @throws IllegalStateException where it cannot be loaded, with the reason and what mends it
     */
    static Shared shared() {
        if (FAULT != null) {
            throw new IllegalStateException(FAULT);
        }
        return shared;
    }

    private static String load() {
        String path = System.getProperty(LIBRARY_PATH);
        String what = path == null ? FILE : path + " (" + LIBRARY_PATH + ")";
        try {
            String version = jarVersion();
            synchronized (LOCK) {
                shared = Shared.find();
                if (shared != null && shared.register(version, CLASSES)) {
                    return null;
                }
                if (path != null) {
                    System.load(Path.of(path).toAbsolutePath().toString());
                } else {
                    loadFromJar();
                }
                String difference = compareVersions(path, version);
                if (difference == null) {
                    share(version);
                }
                return difference;
            }
        } catch (IOException
                | ReflectiveOperationException
                | NativeException
                | RuntimeException
                | LinkageError e) {
            return what + " cannot be loaded: " + e.getMessage() + advice(e);
        }
    }

    /** The library that is loaded becomes that of all class loaders with a jar of this version. */
    private static void share(String version)
            throws IOException, ReflectiveOperationException, NativeException {
        if (shared == null) {
            for (String name : Shared.CLASSES) {
                define(read("shared/" + name + ".class"));
            }
            shared = Shared.find();
        }
        share(shared.library(), version);
        if (!shared.register(version, CLASSES)) {
            throw new IllegalStateException("it is not shared");
        }
    }

    private static String advice(Throwable fault) {
        // An IllegalCallerException: there since Java 9, and thrown here since Java 24.
        if (fault instanceof IllegalCallerException) {
            Module module = NativeLibrary.class.getModule();
            return ". This JVM denies native code to whom it is not allowed: allow it by "
                    + "--enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
        }
        return "";
    }

    private static void loadFromJar() throws IOException {
        String platform = platform();
        String resource = "/META-INF/native/" + platform + "/" + FILE;
        try (InputStream library = NativeLibrary.class.getResourceAsStream(resource)) {
            if (library == null) {
                throw new IOException(
                        "this jar has no library for " + platform + ": set " + LIBRARY_PATH
                                + " to one that was built for it");
            }
            loadFrom(library);
        }
    }

    /** The copy is removed at once: what is loaded needs no name any more. */
    private static void loadFrom(InputStream library) throws IOException {
        String tmpdir = System.getProperty(TMPDIR, System.getProperty("java.io.tmpdir"));
        FileAttribute<?> onlyOwner =
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        Path directory;
        try {
            directory = Files.createTempDirectory(Path.of(tmpdir), "scramtoken-", onlyOwner);
        } catch (IOException e) {
            throw new IOException("no directory can be made in " + tmpdir + " (" + e
                    + "): set " + TMPDIR + " to where one can", e);
        }
        Path file = directory.resolve(FILE);
        try {
            Files.copy(library, file);
            System.load(file.toString());
        } catch (UnsatisfiedLinkError e) {
            throw new IOException(e.getMessage() + ". Where " + tmpdir + " is mounted noexec, set "
                    + TMPDIR + " to a directory that is not, or " + LIBRARY_PATH
                    + " to a " + FILE + " of this version", e);
        } finally {
            Files.deleteIfExists(file);
            Files.delete(directory);
        }
    }

    /** Null, or how library and jar differ. */
    private static String compareVersions(String path, String jar) {
        String what = path == null ? "the jar's " + FILE : path;
        String library;
        try {
            library = version();
        } catch (UnsatisfiedLinkError e) {
            return what + " is no " + FILE + " for this jar, whose version is " + jar;
        }
        if (library.equals(jar)) {
            return null;
        }
        return what + " is version " + library + " and the jar " + jar
                + ": both must be of the same version";
    }

    private static String jarVersion() throws IOException {
        return new String(read("/META-INF/native/version"), StandardCharsets.UTF_8).trim();
    }

    private static byte[] read(String resource) throws IOException {
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IOException("this jar has no " + resource);
            }
            return in.readAllBytes();
        }
    }

    /** Such as {@code linux-x86_64}, or {@code linux-x86_64-musl} on Alpine. */
    private static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String architecture = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        String name = system + "-" + (architecture.equals("amd64") ? "x86_64" : architecture);
        return hasMusl() ? name + "-musl" : name;
    }

    /**
     * Whether the C library of this process is musl, for a machine may well have both. Where its
     * loader is a link, what is mapped is called libc.so; glibc's is libc.so.6, or libc-2.17.so.
     */
    private static boolean hasMusl() {
        Path maps = Path.of("/proc/self/maps");
        try (Stream<String> lines = Files.lines(maps, StandardCharsets.ISO_8859_1)) {
            return lines.anyMatch(line -> line.contains("/ld-musl-") || line.endsWith("/libc.so"));
        } catch (IOException | UncheckedIOException e) {
            return false; // no /proc: the usual library it is
        }
    }

    static native String version();

    /** Defines a class in the boot class loader. */
    private static native void define(byte[] classFile) throws NativeException;

    /** Gives the native methods of {@code shared.Library} their code, and adds this library to it. */
    private static native void share(Class<?> library, String version)
            throws NativeException;
}

package io.scramtoken.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * Loads libscramtoken.so, once for each class loader: the one that the jar carries, by way of a
 * private temporary directory, or the one that a system property names.
 */
final class NativeLibrary {
    /** Path of a libscramtoken.so to load in place of the jar's. */
    private static final String LIBRARY_PATH = "io.scramtoken.library.path";

    /** Where the private directory is made; {@code java.io.tmpdir} unless set. */
    private static final String TMPDIR = "io.scramtoken.tmpdir";

    private static final String FILE = "libscramtoken.so";

    /** Why the library is not there, or null. Kept, as a static initialiser fails but once. */
    private static final String FAULT = load();

    private NativeLibrary() {}

    /**
     * Returns when the library is loaded.
     *
     * @throws IllegalStateException where it cannot be, with the reason and what mends it
     */
    static void require() {
        if (FAULT != null) {
            throw new IllegalStateException(FAULT);
        }
    }

    private static String load() {
        String what = "libscramtoken.so cannot be loaded";
        try {
            String path = System.getProperty(LIBRARY_PATH);
            if (path != null) {
                what = path + " (" + LIBRARY_PATH + ") cannot be loaded";
                System.load(Path.of(path).toAbsolutePath().toString());
            } else {
                loadFromJar();
            }
            return compareVersions(path);
        } catch (IOException | RuntimeException | LinkageError e) {
            return what + ": " + e.getMessage();
        }
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
    private static String compareVersions(String path) throws IOException {
        String what = path == null ? "the jar's " + FILE : path;
        String jar = jarVersion();
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
        try (InputStream in = NativeLibrary.class.getResourceAsStream("/META-INF/native/version")) {
            if (in == null) {
                throw new IOException("this jar does not say its version");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).trim();
        }
    }

    /** Such as {@code linux-x86_64}. */
    private static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String architecture = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return system + "-" + (architecture.equals("amd64") ? "x86_64" : architecture);
    }

    static native String version();
}

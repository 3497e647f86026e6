import java.io.File;
import java.io.FileReader;
import java.io.Reader;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;

/**
 * A host that runs the same job again and again, each time in a new class loader that has Kafka's
 * client and the jar: Connect, Flink, an application server. Prints how many class loaders are left,
 * and how many native libraries are mapped.
 */
public final class Jobs {
    public static void main(String[] args) throws Exception {
        List<URL> classPath = new ArrayList<>();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.add(new File(path).toURI().toURL());
        }
        URL[] urls = classPath.toArray(new URL[0]);
        ClassLoader platform = ClassLoader.getPlatformClassLoader();
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            ClassLoader system = Thread.currentThread().getContextClassLoader();
            try (URLClassLoader loader = new URLClassLoader(urls, platform)) {
                loaders.add(new WeakReference<>(loader));
                Thread.currentThread().setContextClassLoader(loader);
                Class<?> jobs = loader.loadClass(Jobs.class.getName());
                jobs.getMethod("job", String.class).invoke(null, args[1]);
            } finally {
                Thread.currentThread().setContextClassLoader(system);
            }
        }
        System.gc();
        long left = loaders.stream().filter(loader -> loader.get() != null).count();
        long libraries =
                Files.readAllLines(Path.of("/proc/self/maps")).stream()
                        .filter(line -> line.contains("libscramtoken.so"))
                        .map(line -> line.trim().split(" +")[4]) // the inode
                        .distinct()
                        .count();
        System.out.println(left + " class loaders left, " + libraries + " libraries");
    }

    /** One client, from its first connection to its end. */
    public static void job(String file) throws Exception {
        Properties properties = new Properties();
        try (Reader reader = new FileReader(file)) {
            properties.load(reader);
        }
        try (Admin client = Admin.create(properties)) {
            client.describeCluster().nodes().get();
        }
    }
}

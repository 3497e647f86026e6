package io.scramtoken.kafka.shared;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.security.AccessController;
import javax.security.auth.Subject;

/**
 * The Subject of {@code Subject.doAs} or {@code Subject.callAs}, in which Kafka runs
 * {@code Sasl.createSaslServer} and {@code createSaslClient}.
 */
final class CurrentSubject {
    /** {@code Subject.current()}, there since Java 18; null before. */
    private static final MethodHandle CURRENT = find();

    private CurrentSubject() {}

    static Subject get() {
        if (CURRENT == null) {
            return ofAccessController();
        }
        try {
            return (Subject) CURRENT.invokeExact();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("removal") // only where there is nothing else
    private static Subject ofAccessController() {
        return Subject.getSubject(AccessController.getContext());
    }

    private static MethodHandle find() {
        try {
            MethodType type = MethodType.methodType(Subject.class);
            return MethodHandles.publicLookup().findStatic(Subject.class, "current", type);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}

package io.scramtoken.kafka;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;

/**
 * An object of the native library: freed by {@link #close}, or else after the garbage collector has
 * found that nobody uses it. For one thread at a time; use after close is an IllegalStateException.
 *
 * <p>Subclasses pass {@link #handle} to native methods that are not static, and so stay reachable
 * for as long as the call takes; and they synchronize those calls, for that no close comes between.
 */
abstract class NativeObject implements AutoCloseable {
    /** Locked while the native object is freed, and by calls that do not wait for others to return. */
    private final Cleaner.Cleanable freeing;
    private long handle;

    NativeObject(long handle) {
        this.handle = handle;
        freeing = NativeLibrary.shared().freeWith(this, handle);
    }

    final long handle() {
        if (handle == 0) {
            throw new IllegalStateException("this " + getClass().getSimpleName() + " is closed");
        }
        return handle;
    }

    /** Frees the native object; again, and it does nothing. */
    @Override
    public final synchronized void close() {
        synchronized (freeing) {
            handle = 0;
            freeing.clean();
        }
    }

    /** Makes a call that may run beside another one, from any thread; nothing after close. */
    final void unlessClosed(Call call) throws NativeException {
        synchronized (freeing) {
            if (handle != 0) {
                call.on(handle);
            }
        }
        Reference.reachabilityFence(this);
    }

    /** A native method that takes the handle alone. */
    interface Call {
        void on(long handle) throws NativeException;
    }
}

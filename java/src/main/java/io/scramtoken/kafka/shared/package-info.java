/**
 * What every class loader of a JVM shares, whichever has the jar: not for use by others.
 *
 * <p>The first class loader that loads the native library defines these classes in the boot class
 * loader, by JNI; the copies in the jar are only where they come from. So they hold no class loader,
 * and what must outlive each of them, such as a security provider, is made of them. They refer to
 * nothing but java.base and java.security.sasl, and to each other.
 *
 * <p>A JVM may have jars of several versions, and keeps the classes of the first: a change that is
 * not compatible needs another package.
 */
package io.scramtoken.kafka.shared;

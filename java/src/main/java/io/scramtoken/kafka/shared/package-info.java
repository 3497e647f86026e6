/**
 * What every class loader of a JVM shares, whichever has the jar: not for use by others.
 *
 * <p>The first class loader that loads the native library defines these classes in the boot class
 * loader, by JNI; the copies in the jar are only where they come from. So they keep no class
 * loader alive, and whatever must outlive them all, such as a security provider, is made of these
 * classes. They refer to nothing but java.base, java.security.sasl and each other.
 *
 * <p>A JVM may have jars of several versions, and keeps the classes of the first: a change that is
 * not compatible needs another package.
 */
package io.scramtoken.kafka.shared;

/**
 * SCRAM and delegation tokens (KIP-48) of Apache Kafka's brokers and clients by libscramtoken.
 *
 * <p>A broker or client asks for it by its JAAS line:
 * {@link io.scramtoken.kafka.ScramTokenLoginModule} in place of Kafka's ScramLoginModule. Logins
 * whose line does not name it stay with Kafka's own classes.
 */
package io.scramtoken.kafka;

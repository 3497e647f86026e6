import java.io.FileReader;
import java.io.Reader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.IntegerDeserializer;
import org.apache.kafka.common.serialization.IntegerSerializer;

/**
 * An idempotent producer of numbers and a consumer of the same topic, Kafka's own, until a line comes
 * on standard input. Prints "running" once the first number has come through, and at the end a line of
 * figures: name=number, separated by blanks.
 */
public final class Traffic {
    private static final int PAUSE_MS = 50;
    private static final long PATIENCE_MS = 120_000;

    private final AtomicInteger unsent = new AtomicInteger();
    private final List<Integer> received = new ArrayList<>();
    private volatile int sent;
    private volatile boolean complete;
    private long longestGapMs;

    /** Arguments: a file of properties, and a topic. */
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (Reader file = new FileReader(args[0])) {
            properties.load(file);
        }
        properties.put("delivery.timeout.ms", "240000");
        properties.put("group.id", args[1]);
        properties.put("auto.offset.reset", "earliest");
        new Traffic().run(properties, args[1]);
    }

    private void run(Properties properties, String topic) throws Exception {
        try (KafkaProducer<Integer, Integer> producer =
                        new KafkaProducer<>(properties, new IntegerSerializer(), new IntegerSerializer());
                KafkaConsumer<Integer, Integer> consumer =
                        new KafkaConsumer<>(
                                properties, new IntegerDeserializer(), new IntegerDeserializer())) {
            consumer.subscribe(List.of(topic));
            Thread receiving = new Thread(() -> receive(consumer));
            receiving.start();
            while (System.in.available() == 0) {
                producer.send(new ProducerRecord<>(topic, sent, sent), (metadata, error) -> {
                    if (error != null) {
                        unsent.incrementAndGet();
                        System.err.println("not sent: " + error);
                    }
                });
                sent++;
                Thread.sleep(PAUSE_MS);
            }
            producer.flush();
            complete = true;
            receiving.join();
            Set<Integer> distinct = new HashSet<>(received);
            System.out.printf(
                    "sent=%d unsent=%d received=%d distinct=%d gap_ms=%d logins=%d refused=%d%n",
                    sent, unsent.get(), received.size(), distinct.size(), longestGapMs,
                    total(producer.metrics(), "successful-authentication-total")
                            + total(consumer.metrics(), "successful-authentication-total"),
                    total(producer.metrics(), "failed-authentication-total")
                            + total(consumer.metrics(), "failed-authentication-total"));
        }
    }

    /** Until all that was sent has come, or has not come for too long; then whatever comes twice. */
    private void receive(KafkaConsumer<Integer, Integer> consumer) {
        long last = 0;
        while (!complete || received.size() < sent) {
            for (ConsumerRecord<Integer, Integer> record : consumer.poll(Duration.ofMillis(200))) {
                if (received.isEmpty()) {
                    System.out.println("running");
                }
                long now = System.currentTimeMillis();
                longestGapMs = last == 0 ? 0 : Math.max(longestGapMs, now - last);
                last = now;
                received.add(record.value());
            }
            if (complete && System.currentTimeMillis() - last > PATIENCE_MS) {
                break;
            }
        }
        consumer.poll(Duration.ofSeconds(2)).forEach(record -> received.add(record.value()));
    }

    private static long total(Map<MetricName, ? extends Metric> metrics, String name) {
        return Math.round(
                metrics.values().stream()
                        .filter(metric -> metric.metricName().name().equals(name))
                        .filter(metric -> !metric.metricName().tags().containsKey("node-id"))
                        .mapToDouble(metric -> (Double) metric.metricValue())
                        .sum());
    }
}

import java.io.FileReader;
import java.io.Reader;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Produces to a topic and consumes it with Kafka's Java client, which logs in as its properties say.
 *
 * <pre>java -cp 'kafka/libs/*:scramtoken-kafka.jar' ProduceAndConsume.java PROPERTIES TOPIC COUNT</pre>
 *
 * <p>Sends COUNT records, one each 100 ms, and prints their values as they come back. With
 * token-file.properties each new connection logs in with the token that is in the file then, and so
 * does each session that the broker wants authenticated anew.
 */
public final class ProduceAndConsume {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (Reader reader = new FileReader(args[0])) {
            properties.load(reader);
        }
        properties.put("group.id", args[1]);
        properties.put("auto.offset.reset", "earliest");
        int count = Integer.parseInt(args[2]);
        int seen = 0;
        StringSerializer in = new StringSerializer();
        StringDeserializer out = new StringDeserializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties, in, in);
                KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, out, out)) {
            consumer.subscribe(List.of(args[1]));
            for (int i = 0; seen < count; i++) {
                if (i < count) {
                    producer.send(new ProducerRecord<>(args[1], String.valueOf(i))).get();
                }
                Thread.sleep(100);
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ZERO)) {
                    System.out.println(record.value());
                    seen++;
                }
            }
        }
    }
}

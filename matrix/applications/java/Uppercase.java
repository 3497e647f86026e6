import java.io.FileReader;
import java.io.Reader;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;

/** A Kafka Streams application: words of one topic go to another one, with a count of each beside. */
public final class Uppercase {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (Reader reader = new FileReader(args[0])) {
            properties.load(reader);
        }
        properties.put("default.key.serde", Serdes.String().getClass());
        properties.put("default.value.serde", Serdes.String().getClass());
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(args[1])
                .selectKey((key, value) -> value.toUpperCase())
                .groupByKey()
                .count()
                .toStream()
                .mapValues((word, count) -> word)
                .to(args[2]);
        KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        streams.setUncaughtExceptionHandler(
                error -> {
                    error.printStackTrace();
                    System.exit(1);
                    return null;
                });
        streams.start();
    }
}

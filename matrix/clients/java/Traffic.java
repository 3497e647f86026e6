import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Kafka's Java client: the matrix's worker (matrix/worker.py has the protocol). */
public final class Traffic {
    public static void main(String[] args) throws Exception {
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(answer(line.split("\t", -1)));
        }
    }

    private static String answer(String[] request) {
        try {
            int records = Integer.parseInt(request[1]);
            produce(request, records);
            consume(request, records);
            return "ok";
        } catch (Exception e) {
            StringBuilder text = new StringBuilder("error\t");
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                text.append(cause.toString().replaceAll("\\s+", " ")).append(". ");
            }
            return text.toString();
        }
    }

    private static void produce(String[] request, int records) throws Exception {
        String topic = request[0];
        String traffic = request[10];
        boolean transactional = traffic.equals("transactional");
        Properties config = common(request);
        config.put("enable.idempotence", String.valueOf(!traffic.equals("plain")));
        config.put("max.block.ms", "60000");
        config.put("request.timeout.ms", "10000");
        config.put("delivery.timeout.ms", "60000");
        if (transactional) {
            config.put("transactional.id", topic);
        }
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(config, text, text)) {
            if (transactional) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            List<Future<?>> sent = new ArrayList<>();
            for (int i = 0; i < records; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, String.valueOf(i))));
            }
            for (Future<?> future : sent) {
                future.get();
            }
            if (transactional) {
                producer.commitTransaction();
            }
        }
    }

    private static void consume(String[] request, int records) {
        Properties config = common(request);
        config.put("group.id", request[0]);
        config.put("auto.offset.reset", "earliest");
        if (request[10].equals("transactional")) {
            config.put("isolation.level", "read_committed");
        }
        List<String> values = new ArrayList<>();
        StringDeserializer text = new StringDeserializer();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, text, text)) {
            consumer.subscribe(List.of(request[0]));
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (values.size() < records && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                    values.add(record.value());
                }
            }
        }
        for (int i = 0; i < records; i++) {
            if (i >= values.size() || !values.get(i).equals(String.valueOf(i))) {
                throw new IllegalStateException("of the records came " + values);
            }
        }
    }

    private static Properties common(String[] request) {
        Properties config = new Properties();
        config.put("client.id", request[0]);
        config.put("bootstrap.servers", request[2]);
        config.put("security.protocol", request[3]);
        config.put("ssl.truststore.type", "PEM");
        config.put("ssl.truststore.location", request[4]);
        config.put("sasl.mechanism", request[5]);
        config.put("sasl.jaas.config", jaas(request[6], request[7], request[8], request[9]));
        return config;
    }

    private static String jaas(String login, String name, String secret, String file) {
        if (login.equals("scramtoken")) {
            return String.format(
                    "io.scramtoken.kafka.ScramTokenLoginModule required source=\"file:%s\";", file);
        }
        return String.format(
                "org.apache.kafka.common.security.scram.ScramLoginModule required"
                        + " username=\"%s\" password=\"%s\"%s;",
                name, secret, login.equals("tokenauth") ? " tokenauth=\"true\"" : "");
    }
}

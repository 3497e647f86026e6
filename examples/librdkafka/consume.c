/* Consumes a topic with stock librdkafka, logged in with what a source holds.
 *
 * usage: consume BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...
 *   consume localhost:9092 events 10 plugin.library.paths=libscramtoken \
 *       scramtoken.source=file:/run/kafka/token.json
 *
 * Exit code 0: COUNT messages were printed; 1: the login was refused, and the reason printed;
 * 2: anything else.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refused = 0;

/* A refused login comes here, with a text that says what to do. */
static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque) {
  (void)client;
  (void)opaque;
  if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
    fprintf(stderr, "%s\n", reason);
    refused = 1;
  }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "%s\n", why);
    exit(2);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...\n", argv[0]);
    return 2;
  }
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "group.id", argv[2]);
  set(conf, "auto.offset.reset", "earliest");
  for (int i = 4; i < argc; i++) { /* plugin.library.paths before scramtoken.* */
    char *value = strchr(argv[i], '=');
    if (!value) {
      fprintf(stderr, "%s is not PROPERTY=VALUE\n", argv[i]);
      return 2;
    }
    *value++ = '\0';
    set(conf, argv[i], value);
  }
  rd_kafka_conf_set_error_cb(conf, on_error);

  char why[512];
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (!client) {
    fprintf(stderr, "%s\n", why);
    return 2;
  }
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(client, topics);
  rd_kafka_topic_partition_list_destroy(topics);

  int left = atoi(argv[3]);
  for (int seconds = 0; left > 0 && !refused && seconds < 30;) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 1000);
    if (!message) {
      seconds++;
      continue;
    }
    if (!message->err) {
      printf("%.*s\n", (int)message->len, (const char *)message->payload);
      left--;
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  return refused ? 1 : left ? 2 : 0;
}

/* A client of librdkafka's for benches/rdkafka, the same with and without the plugin.
 *
 * usage: client produce|consume|connect BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...
 *
 * Prints `SECONDS CPU_SECONDS`: wall time, and processor time of the whole process, for
 *   produce  COUNT messages of 1 KB, from the first to the last acknowledgement
 *   consume  COUNT messages of partition 0, from the assignment to the last
 *   connect  one of COUNT clients, one after the other: each from its making to its metadata. They
 *            are made of copies of one configuration; the first is not counted
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static char why[512];

static void fail(const char *text) {
  fprintf(stderr, "%s\n", text);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client, (void)opaque;
  if (message->err) fail(rd_kafka_err2str(message->err));
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
  if (!client) fail(why);
  return client;
}

static void get_metadata(rd_kafka_t *client, rd_kafka_topic_t *topic) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, topic, &metadata, 30000);
  if (error) fail(rd_kafka_err2str(error));
  rd_kafka_metadata_destroy(metadata);
}

static void produce(rd_kafka_conf_t *conf, const char *topic_name, int count, double spent[2]) {
  static char value[1024];
  rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", NULL, 0);
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t *client = make(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
  rd_kafka_topic_conf_set(topic_conf, "acks", "1", NULL, 0);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, topic_name, topic_conf);
  get_metadata(client, topic);
  spent[0] = -now(), spent[1] = -cpu();
  for (int i = 0; i < count; i++) {
    memcpy(value, &i, sizeof i);
    while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL) != 0)
      rd_kafka_poll(client, 10);
    if (i % 1000 == 0) rd_kafka_poll(client, 0);
  }
  if (rd_kafka_flush(client, 120000)) fail("not all were delivered");
  spent[0] += now(), spent[1] += cpu();
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
}

static void consume(rd_kafka_conf_t *conf, const char *topic, int count, double spent[2]) {
  rd_kafka_conf_set(conf, "group.id", topic, NULL, 0);
  rd_kafka_conf_set(conf, "enable.auto.commit", "false", NULL, 0);
  rd_kafka_t *client = make(RD_KAFKA_CONSUMER, conf);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
  rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(partitions, topic, 0)->offset = 0;
  rd_kafka_poll_set_consumer(client);
  get_metadata(client, NULL);
  spent[0] = -now(), spent[1] = -cpu();
  rd_kafka_assign(client, partitions);
  rd_kafka_topic_partition_list_destroy(partitions);
  static rd_kafka_message_t *messages[1000];
  double deadline = now() + 120;
  for (ssize_t seen = 0, got; seen < count; seen += got) {
    got = rd_kafka_consume_batch_queue(queue, 1000, messages, 1000);
    for (ssize_t i = 0; i < got; i++) {
      if (messages[i]->err) fail(rd_kafka_message_errstr(messages[i]));
      rd_kafka_message_destroy(messages[i]);
    }
    if (now() > deadline) fail("not all messages came");
  }
  spent[0] += now(), spent[1] += cpu();
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}

static void connect_clients(rd_kafka_conf_t *conf, int count, double spent[2]) {
  spent[0] = spent[1] = 0;
  for (int i = 0; i <= count; i++) {
    double began = now(), used = cpu();
    rd_kafka_t *client = make(RD_KAFKA_PRODUCER, rd_kafka_conf_dup(conf));
    get_metadata(client, NULL);
    if (i > 0) spent[0] += now() - began;
    rd_kafka_destroy(client);
    if (i > 0) spent[1] += cpu() - used;
  }
  rd_kafka_conf_destroy(conf);
  spent[0] /= count, spent[1] /= count;
}

int main(int argc, char **argv) {
  if (argc < 5) fail("usage: client produce|consume|connect BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...");
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", argv[2], NULL, 0);
  for (int i = 5; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) fail("a property is NAME=VALUE");
    *value++ = '\0';
    if (rd_kafka_conf_set(conf, argv[i], value, why, sizeof why) != RD_KAFKA_CONF_OK) fail(why);
  }
  double spent[2] = {0, 0};
  int count = atoi(argv[4]);
  if (strcmp(argv[1], "produce") == 0)
    produce(conf, argv[3], count, spent);
  else if (strcmp(argv[1], "consume") == 0)
    consume(conf, argv[3], count, spent);
  else
    connect_clients(conf, count, spent);
  printf("%f %f\n", spent[0], spent[1]);
  return 0;
}

// Produces to a topic with stock librdkafka's C++ API, logged in with what a source holds.
//
// usage: produce BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...
//   produce localhost:9092 events 10 plugin.library.paths=libscramtoken
//       scramtoken.source=file:/run/kafka/token.json
//
// Exit code 0: every message was acknowledged; 1: the login was refused, and the reason printed;
// 2: anything else.
#include <librdkafka/rdkafkacpp.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

// A refused login comes here, with a text that says what to do.
class Events : public RdKafka::EventCb {
 public:
  void event_cb(RdKafka::Event &event) override {
    if (event.type() == RdKafka::Event::EVENT_ERROR &&
        event.err() == RdKafka::ERR__AUTHENTICATION) {
      std::cerr << event.str() << '\n';
      refused = true;
    }
  }
  bool refused = false;
};

void set(RdKafka::Conf &conf, const std::string &name, const std::string &value) {
  std::string why;
  if (conf.set(name, value, why) != RdKafka::Conf::CONF_OK) {
    std::cerr << why << '\n';
    std::exit(2);
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::cerr << "usage: " << argv[0] << " BOOTSTRAP TOPIC COUNT [PROPERTY=VALUE]...\n";
    return 2;
  }
  Events events;
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  set(*conf, "bootstrap.servers", argv[1]);
  for (int i = 4; i < argc; i++) {  // plugin.library.paths before scramtoken.*
    const std::string property = argv[i];
    const auto equals = property.find('=');
    if (equals == std::string::npos) {
      std::cerr << property << " is not PROPERTY=VALUE\n";
      return 2;
    }
    set(*conf, property.substr(0, equals), property.substr(equals + 1));
  }
  std::string why;
  conf->set("event_cb", &events, why);

  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), why));
  if (!producer) {
    std::cerr << why << '\n';
    return 2;
  }
  const int count = std::atoi(argv[3]);
  for (int number = 0; number < count; number++) {
    std::string value = std::to_string(number);
    producer->produce(argv[2], RdKafka::Topic::PARTITION_UA, RdKafka::Producer::RK_MSG_COPY,
                      &value[0], value.size(), nullptr, 0, 0, nullptr);
    producer->poll(0);
  }
  for (int seconds = 0; producer->outq_len() > 0 && !events.refused && seconds < 30; seconds++)
    producer->flush(1000);
  if (events.refused) {
    producer->purge(RdKafka::Producer::PURGE_QUEUE | RdKafka::Producer::PURGE_INFLIGHT);
    producer->flush(1000);
    return 1;
  }
  return producer->outq_len() ? 2 : 0;
}

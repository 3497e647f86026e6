//! rust-rdkafka: the matrix's worker (matrix/worker.py has the protocol).

use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::{RDKafkaConfRes, RDKafkaErrorCode};

const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() {
    for line in io::stdin().lines() {
        let line = line.expect("a line of UTF-8");
        match round_trip(&line.split('\t').collect::<Vec<_>>()) {
            Ok(()) => println!("ok"),
            Err(error) => {
                let text = error.to_string();
                println!("error\t{}", text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
}

fn round_trip(fields: &[&str]) -> Outcome<()> {
    let [id, records, ..] = fields else {
        return Err("a request of too few fields".into());
    };
    let config = config(fields)?;
    let sent: Vec<String> = (0..records.parse::<u32>()?).map(|number| number.to_string()).collect();
    produce(&config, id, &sent)?;
    let received = consume(&config, id, sent.len())?;
    if received != sent {
        return Err(format!("of the records came {received:?}").into());
    }
    Ok(())
}

/// rust-rdkafka keeps properties in a hash map and sets them in its order, another one in each map,
/// while librdkafka knows those of a plugin only once it has been loaded: this map fits.
fn config(fields: &[&str]) -> KafkaResult<ClientConfig> {
    let mut tries = 0;
    loop {
        let config: ClientConfig = properties(fields).into_iter().collect();
        match config.create_native_config() {
            Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _))
                if name.starts_with("scramtoken.") && tries < 100 =>
            {
                tries += 1;
            }
            result => return result.map(|_| config),
        }
    }
}

fn properties(fields: &[&str]) -> Vec<(String, String)> {
    let mut properties = vec![
        ("client.id", fields[0].to_owned()),
        ("bootstrap.servers", fields[2].to_owned()),
        ("security.protocol", fields[3].to_owned()),
        ("sasl.mechanism", fields[5].to_owned()),
        ("group.id", fields[0].to_owned()),
        ("auto.offset.reset", "earliest".to_owned()),
        ("log_level", "0".to_owned()),
    ];
    if fields[6] == "scramtoken" {
        let library = std::env::var("SCRAMTOKEN_LIBRARY").expect("SCRAMTOKEN_LIBRARY");
        properties.push(("plugin.library.paths", library));
        properties.push(("scramtoken.source", format!("file:{}", fields[9])));
    } else {
        properties.push(("sasl.username", fields[7].to_owned()));
        properties.push(("sasl.password", fields[8].to_owned()));
    }
    if fields[3] == "SASL_SSL" {
        properties.push(("ssl.ca.location", fields[4].to_owned()));
    }
    properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Keeps the first refusal.
#[derive(Default)]
struct Refusal(Mutex<Option<String>>);

impl ClientContext for Refusal {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Authentication) {
            self.0.lock().expect("a lock").get_or_insert_with(|| reason.to_owned());
        }
    }
}

impl ProducerContext for Refusal {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

fn produce(config: &ClientConfig, topic: &str, values: &[String]) -> Outcome<()> {
    let producer: BaseProducer<Refusal> = config.create_with_context(Refusal::default())?;
    for value in values {
        producer.send(BaseRecord::<(), _>::to(topic).payload(value)).map_err(|(error, _)| error)?;
    }
    let end = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(100));
        let refusal = producer.context().0.lock().expect("a lock").clone();
        if refusal.is_some() || Instant::now() > end {
            producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
            return Err(refusal.unwrap_or_else(|| "not delivered".to_owned()).into());
        }
    }
    Ok(())
}

fn consume(config: &ClientConfig, topic: &str, count: usize) -> Outcome<Vec<String>> {
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[topic])?;
    let end = Instant::now() + PATIENCE;
    let mut values = Vec::new();
    while values.len() < count && Instant::now() < end {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            values
                .push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        }
    }
    Ok(values)
}

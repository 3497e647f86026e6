// KafkaJS: the matrix's worker (matrix/worker.py has the protocol).
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { Kafka, Partitioners, logLevel } = require("kafkajs");

const SECONDS = 60;

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      await roundTrip(line.split("\t"));
      console.log("ok");
    } catch (error) {
      console.log(`error\t${`${error.name}: ${error.message}`.replace(/\s+/g, " ")}`);
    }
  }
}

async function roundTrip(fields) {
  const [id, records, bootstrap, transport, ca, mechanism, , username, password] = fields;
  const kafka = new Kafka({
    clientId: id,
    brokers: bootstrap.split(","),
    ssl: transport === "SASL_SSL" && { ca: [fs.readFileSync(ca, "utf-8")] },
    sasl: { mechanism: mechanism.toLowerCase(), username, password },
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  });
  const sent = Array.from({ length: Number(records) }, (_, number) => String(number));
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    await producer.send({ topic: id, messages: sent.map((value) => ({ value })) });
  } finally {
    await producer.disconnect();
  }
  const received = await consume(kafka, id, sent.length);
  if (received.join() !== sent.join()) {
    throw new Error(`of the records came ${received}`);
  }
}

async function consume(kafka, topic, count) {
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 500 });
  const values = [];
  let timer;
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise((resolve, reject) => {
      timer = setTimeout(resolve, SECONDS * 1000); // what has come by then is looked at
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      const eachMessage = async ({ message }) => {
        values.push(message.value.toString());
        if (values.length === count) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return values;
}

main();

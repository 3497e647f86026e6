// Produces to a topic and consumes it with sarama, logged in with the delegation token of a file.
//
// usage: sarama [-ca FILE] BOOTSTRAP TOPIC COUNT TOKEN-FILE
//
// Sends COUNT records, one each 100 ms, and prints their values as they come back. Each new
// connection logs in with the token that is in the file then, and so does each session that the
// broker wants authenticated anew: replace the file by rename, and the program goes on.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"scramtoken/examples/sarama/tokenauth"
)

func main() {
	ca := flag.String("ca", "", "PEM of the brokers' authority; without it, no TLS")
	flag.Parse()
	if flag.NArg() != 4 {
		fmt.Fprintln(os.Stderr, "usage: sarama [-ca FILE] BOOTSTRAP TOPIC COUNT TOKEN-FILE")
		os.Exit(2)
	}
	brokers, topic := strings.Split(flag.Arg(0), ","), flag.Arg(1)
	count, err := strconv.Atoi(flag.Arg(2))
	fail(err)

	config := sarama.NewConfig()
	fail(tokenauth.Configure(config, sarama.SASLTypeSCRAMSHA512, flag.Arg(3)))
	config.Producer.Return.Successes = true // as the synchronous producer wants it
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		fail(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		config.Net.TLS.Enable = true
		config.Net.TLS.Config = &tls.Config{RootCAs: roots}
	}
	producer, err := sarama.NewSyncProducer(brokers, config)
	fail(err)
	defer producer.Close()
	consumer, err := sarama.NewConsumer(brokers, config)
	fail(err)
	defer consumer.Close()

	go func() {
		for i := range count {
			value := sarama.StringEncoder(strconv.Itoa(i))
			_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: value})
			fail(err)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	messages, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	fail(err)
	for range count {
		fmt.Println(string((<-messages.Messages()).Value))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

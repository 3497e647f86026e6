// Produces to a topic and consumes it with franz-go, logged in with the delegation token of a file.
//
// usage: franz-go [-ca FILE] BOOTSTRAP TOPIC COUNT TOKEN-FILE
//
// Sends COUNT records, one each 100 ms, and prints their values as they come back. Each new
// connection logs in with the token that is in the file then, and so does each session that the
// broker wants authenticated anew: replace the file by rename, and the program goes on.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"scramtoken/examples/franz-go/tokenfile"
)

func main() {
	ca := flag.String("ca", "", "PEM of the brokers' authority; without it, no TLS")
	flag.Parse()
	if flag.NArg() != 4 {
		fmt.Fprintln(os.Stderr, "usage: franz-go [-ca FILE] BOOTSTRAP TOPIC COUNT TOKEN-FILE")
		os.Exit(2)
	}
	count, err := strconv.Atoi(flag.Arg(2))
	fail(err)
	topic := flag.Arg(1)
	options := []kgo.Opt{
		kgo.SeedBrokers(flag.Arg(0)),
		kgo.SASL(tokenfile.Sha512(flag.Arg(3))),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AllowAutoTopicCreation(),
	}
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		fail(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options = append(options, kgo.DialTLSConfig(&tls.Config{RootCAs: roots}))
	}
	client, err := kgo.NewClient(options...)
	fail(err)
	defer client.Close()

	ctx := context.Background()
	go func() {
		for i := range count {
			client.Produce(ctx, &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i))},
				func(_ *kgo.Record, err error) { fail(err) })
			time.Sleep(100 * time.Millisecond)
		}
	}()
	for seen := 0; seen < count; {
		fetches := client.PollFetches(ctx)
		fail(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			fmt.Println(string(record.Value))
			seen++
		})
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

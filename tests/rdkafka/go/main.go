// Asks for a cluster's metadata by confluent-kafka-go and prints librdkafka's version.
//
// usage: metadata BOOTSTRAP [PROPERTY=VALUE]...
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func main() {
	conf := kafka.ConfigMap{"bootstrap.servers": os.Args[1]}
	for _, word := range os.Args[2:] {
		name, value, _ := strings.Cut(word, "=")
		conf[name] = value
	}
	client, err := kafka.NewAdminClient(&conf)
	fail(err)
	defer client.Close()
	_, err = client.GetMetadata(nil, true, 20000)
	fail(err)
	_, version := kafka.LibraryVersion()
	fmt.Println(version)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// segmentio's kafka-go: the matrix's worker.
package main

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/scram"

	"scramtoken/matrix/worker"
)

func main() { worker.Serve(roundTrip) }

func roundTrip(ctx context.Context, request *worker.Request) ([]string, error) {
	config, err := request.TLS()
	if err != nil {
		return nil, err
	}
	algorithm := scram.SHA256
	if request.IsSHA512 {
		algorithm = scram.SHA512
	}
	mechanism, err := scram.Mechanism(algorithm, request.Name, request.Secret)
	if err != nil {
		return nil, err
	}
	writer := &kafka.Writer{
		Addr:         kafka.TCP(request.Bootstrap),
		Topic:        request.ID,
		BatchTimeout: 10 * time.Millisecond,
		MaxAttempts:  2,
		Transport:    &kafka.Transport{ClientID: request.ID, SASL: mechanism, TLS: config},
	}
	defer writer.Close()
	var messages []kafka.Message
	for _, value := range request.Values() {
		messages = append(messages, kafka.Message{Value: []byte(value)})
	}
	if err := writer.WriteMessages(ctx, messages...); err != nil {
		return nil, err
	}

	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:     []string{request.Bootstrap},
		GroupID:     request.ID,
		Topic:       request.ID,
		StartOffset: kafka.FirstOffset,
		MaxWait:     time.Second,
		Dialer: &kafka.Dialer{
			ClientID: request.ID, SASLMechanism: mechanism, TLS: config, Timeout: 10 * time.Second,
		},
	})
	defer reader.Close()
	var values []string
	for len(values) < request.Records {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return nil, err
		}
		values = append(values, string(message.Value))
	}
	return values, nil
}

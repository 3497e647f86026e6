// franz-go: the matrix's worker.
package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"scramtoken/examples/franz-go/tokenfile"
	"scramtoken/matrix/worker"
)

func main() { worker.Serve(roundTrip) }

func roundTrip(ctx context.Context, request *worker.Request) ([]string, error) {
	config, err := request.TLS()
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.ClientID(request.ID),
		kgo.SeedBrokers(request.Bootstrap),
		kgo.SASL(mechanism(request)),
	}
	if config != nil {
		options = append(options, kgo.DialTLSConfig(config))
	}
	if err := produce(ctx, request, options); err != nil {
		return nil, err
	}
	return consume(ctx, request, options)
}

func mechanism(request *worker.Request) sasl.Mechanism {
	auth := scram.Auth{User: request.Name, Pass: request.Secret}
	switch {
	case request.IsToken && request.IsSHA512:
		return tokenfile.Sha512(request.File)
	case request.IsToken:
		return tokenfile.Sha256(request.File)
	case request.IsSHA512:
		return auth.AsSha512Mechanism()
	default:
		return auth.AsSha256Mechanism()
	}
}

func produce(ctx context.Context, request *worker.Request, options []kgo.Opt) error {
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	var records []*kgo.Record
	for _, value := range request.Values() {
		records = append(records, &kgo.Record{Topic: request.ID, Value: []byte(value)})
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

func consume(ctx context.Context, request *worker.Request, options []kgo.Opt) ([]string, error) {
	client, err := kgo.NewClient(append(options,
		kgo.ConsumerGroup(request.ID),
		kgo.ConsumeTopics(request.ID),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var values []string
	for len(values) < request.Records {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(record *kgo.Record) { values = append(values, string(record.Value)) })
	}
	return values, nil
}

// sarama: the matrix's worker.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"strings"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"scramtoken/examples/sarama/tokenauth"
	"scramtoken/matrix/worker"
)

func main() { worker.Serve(roundTrip) }

func roundTrip(ctx context.Context, request *worker.Request) ([]string, error) {
	config, err := configure(request)
	if err != nil {
		return nil, err
	}
	brokers := strings.Split(request.Bootstrap, ",")
	if err := produce(request, brokers, config); err != nil {
		return nil, err
	}
	return consume(ctx, request, brokers, config)
}

func configure(request *worker.Request) (*sarama.Config, error) {
	config := sarama.NewConfig()
	config.ClientID = request.ID
	config.Metadata.Retry.Max = 1 // it would try a refused login for long
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	tls, err := request.TLS()
	if err != nil {
		return nil, err
	}
	config.Net.TLS.Enable, config.Net.TLS.Config = tls != nil, tls
	mechanism := sarama.SASLMechanism(sarama.SASLTypeSCRAMSHA256)
	hash := scram.HashGeneratorFcn(sha256.New)
	if request.IsSHA512 {
		mechanism, hash = sarama.SASLTypeSCRAMSHA512, sha512.New
	}
	if request.IsToken {
		return config, tokenauth.Configure(config, mechanism, request.File)
	}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = mechanism
	config.Net.SASL.User, config.Net.SASL.Password = request.Name, request.Secret
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		return &password{hash: hash}
	}
	return config, nil
}

// password is a login as sarama's own example has it.
type password struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (p *password) Begin(name, secret, authzID string) error {
	client, err := p.hash.NewClient(name, secret, authzID)
	if err == nil {
		p.ClientConversation = client.NewConversation()
	}
	return err
}

func produce(request *worker.Request, brokers []string, config *sarama.Config) error {
	producer, err := sarama.NewSyncProducer(brokers, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for _, value := range request.Values() {
		message := &sarama.ProducerMessage{Topic: request.ID, Value: sarama.StringEncoder(value)}
		messages = append(messages, message)
	}
	return producer.SendMessages(messages)
}

func consume(
	ctx context.Context, request *worker.Request, brokers []string, config *sarama.Config,
) ([]string, error) {
	group, err := sarama.NewConsumerGroup(brokers, request.ID, config)
	if err != nil {
		return nil, err
	}
	defer group.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	collected := &collector{wanted: request.Records, done: cancel}
	if err := group.Consume(ctx, []string{request.ID}, collected); err != nil {
		return nil, err
	}
	return collected.values, nil
}

// collector takes as many values as are wanted.
type collector struct {
	wanted int
	done   func()
	values []string
}

func (*collector) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*collector) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *collector) ConsumeClaim(
	session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim,
) error {
	for message := range claim.Messages() {
		c.values = append(c.values, string(message.Value))
		session.MarkMessage(message, "")
		if len(c.values) == c.wanted {
			c.done()
			return nil
		}
	}
	return nil
}

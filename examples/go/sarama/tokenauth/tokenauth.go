// Package tokenauth logs sarama in with the delegation token of a file.
package tokenauth

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"hash"
	"os"

	"github.com/IBM/sarama"
)

// Configure has every login of the clients with this configuration read the token from the file. The
// mechanism is sarama.SASLTypeSCRAMSHA256 or sarama.SASLTypeSCRAMSHA512.
func Configure(config *sarama.Config, mechanism sarama.SASLMechanism, path string) error {
	hashes := map[sarama.SASLMechanism]func() hash.Hash{
		sarama.SASLTypeSCRAMSHA256: sha256.New,
		sarama.SASLTypeSCRAMSHA512: sha512.New,
	}
	newHash, known := hashes[mechanism]
	if !known {
		return fmt.Errorf("%s is no SCRAM mechanism of Kafka's", mechanism)
	}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = mechanism
	// Not used, but without them sarama takes the configuration for wrong.
	config.Net.SASL.User, config.Net.SASL.Password = "token", "token"
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		return &client{path: path, newHash: newHash}
	}
	return nil
}

type token struct {
	ID   string `json:"token_id"`
	HMAC string `json:"hmac"`
}

func read(path string) (token, error) {
	var token token
	text, err := os.ReadFile(path)
	if err != nil {
		return token, err
	}
	if err := json.Unmarshal(text, &token); err != nil {
		return token, fmt.Errorf("%s: %w", path, err)
	}
	if token.ID == "" || token.HMAC == "" {
		return token, fmt.Errorf("%s: no token_id or no hmac", path)
	}
	return token, nil
}

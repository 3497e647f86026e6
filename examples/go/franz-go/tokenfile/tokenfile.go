// Package tokenfile logs franz-go in with the delegation token of a file.
package tokenfile

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Sha256 logs in by SCRAM-SHA-256 with what the file holds at each login.
func Sha256(path string) sasl.Mechanism {
	return scram.Sha256(func(context.Context) (scram.Auth, error) { return read(path) })
}

// Sha512 logs in by SCRAM-SHA-512 with what the file holds at each login.
func Sha512(path string) sasl.Mechanism {
	return scram.Sha512(func(context.Context) (scram.Auth, error) { return read(path) })
}

// A token's id and HMAC stand in for user name and password; IsToken says tokenauth=true.
func read(path string) (scram.Auth, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return scram.Auth{}, err
	}
	var token struct {
		ID   string `json:"token_id"`
		HMAC string `json:"hmac"`
	}
	if err := json.Unmarshal(text, &token); err != nil {
		return scram.Auth{}, fmt.Errorf("%s: %w", path, err)
	}
	if token.ID == "" || token.HMAC == "" {
		return scram.Auth{}, fmt.Errorf("%s: no token_id or no hmac", path)
	}
	return scram.Auth{User: token.ID, Pass: token.HMAC, IsToken: true}, nil
}

package tokenauth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// What a broker may ask for: Kafka's own bounds are 4096 and 16384.
const minIterations, maxIterations = 4096, 1_000_000

// client is one login by SCRAM (RFC 5802) that says tokenauth=true (KIP-48).
type client struct {
	path    string
	newHash func() hash.Hash

	token           token
	clientFirst     string // without its GS2 header
	nonce           string
	serverSignature []byte
	step            int
}

// Begin reads the token; name and password are sarama's configuration, which has none of it.
func (c *client) Begin(_, _, _ string) (err error) {
	c.token, err = read(c.path)
	return err
}

func (c *client) Step(challenge string) (string, error) {
	c.step++
	switch c.step {
	case 1:
		return c.first(), nil
	case 2:
		return c.final(challenge)
	case 3:
		return "", c.verify(challenge)
	}
	return "", errors.New("SCRAM: a message too many")
}

func (c *client) Done() bool { return c.step >= 3 }

func (c *client) first() string {
	c.nonce = rand.Text()
	c.clientFirst = "n=" + c.token.ID + ",r=" + c.nonce + ",tokenauth=true"
	return "n,," + c.clientFirst
}

func (c *client) final(serverFirst string) (string, error) {
	attributes := strings.Split(serverFirst, ",")
	if len(attributes) < 3 {
		return "", errors.New("SCRAM: the server's first message is incomplete")
	}
	nonce, isNonce := strings.CutPrefix(attributes[0], "r=")
	salt64, isSalt := strings.CutPrefix(attributes[1], "s=")
	count, isCount := strings.CutPrefix(attributes[2], "i=")
	if !isNonce || !isSalt || !isCount {
		return "", errors.New("SCRAM: the server's first message is malformed")
	}
	if !strings.HasPrefix(nonce, c.nonce) || nonce == c.nonce {
		return "", errors.New("SCRAM: the server's nonce does not continue ours")
	}
	salt, err := base64.StdEncoding.DecodeString(salt64)
	if err != nil {
		return "", fmt.Errorf("SCRAM: the salt: %w", err)
	}
	iterations, err := strconv.Atoi(count)
	if err != nil || iterations < minIterations || iterations > maxIterations {
		return "", fmt.Errorf("SCRAM: an iteration count of %q", count)
	}
	salted, err := pbkdf2.Key(c.newHash, c.token.HMAC, salt, iterations, c.newHash().Size())
	if err != nil {
		return "", err
	}
	withoutProof := "c=biws,r=" + nonce
	authMessage := c.clientFirst + "," + serverFirst + "," + withoutProof
	clientKey := c.mac(salted, "Client Key")
	storedKey := c.newHash()
	storedKey.Write(clientKey)
	proof := c.mac(storedKey.Sum(nil), authMessage)
	subtle.XORBytes(proof, proof, clientKey)
	c.serverSignature = c.mac(c.mac(salted, "Server Key"), authMessage)
	return withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

func (c *client) verify(serverFinal string) error {
	signature64, isSignature := strings.CutPrefix(serverFinal, "v=")
	if !isSignature {
		return fmt.Errorf("SCRAM: the server answered %q", serverFinal)
	}
	signature, err := base64.StdEncoding.DecodeString(signature64)
	if err != nil || !hmac.Equal(signature, c.serverSignature) {
		return errors.New("SCRAM: the server has not proved itself")
	}
	return nil
}

func (c *client) mac(key []byte, text string) []byte {
	mac := hmac.New(c.newHash, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
